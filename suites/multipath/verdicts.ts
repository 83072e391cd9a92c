import { InjectedFault, ioMemory, nvme, suite, test } from '../lib/index.ts';
import { allocateSpan, openFixture, SHARED } from './setup.ts';

const TIMES = 100;
const { dnr, hostPathError } = nvme.Status;
/** Attempts of a command, which may meet a fault on either path. */
const attempts = (faults: readonly InjectedFault[]) =>
  faults.reduce((sum, { left }) => sum + TIMES - left, 0);

suite('failures that another path cannot repair', { devices: [SHARED], class: 'contract' }, () => {
  test('a read that fails with a path error and DNR is not retried: its result is the status with DNR', async (t) => {
    const { device, io, paths } = await openFixture(t);
    const faults = paths.map((path) =>
      t.use(
        new InjectedFault(device.pathName(path), { status: hostPathError, times: TIMES, dontRetry: true }),
      ),
    );
    const where = allocateSpan(device, device.atMost(8));
    const { res, big } = await io('read', where, ioMemory(t, where.blocks * device.blockSize));
    t.equal(res, hostPathError | dnr, 'CQE res of the read');
    t.same(big, [0n, 0n], 'extra words of the CQE');
    t.equal(attempts(faults), 1, 'attempts');
  });

  test('a read that fails with a status that is not path related is not retried: its result is the status', async (t) => {
    const { device, io, paths } = await openFixture(t);
    const where = allocateSpan(device, device.atMost(8));
    const memory = ioMemory(t, where.blocks * device.blockSize);
    // Internal error, namespace not ready, invalid field, unrecovered read, guard check.
    for (const status of [0x006, 0x082, 0x002, 0x281, 0x282]) {
      const faults = paths.map((path) => new InjectedFault(device.pathName(path), { status, times: TIMES }));
      const { res } = await io('read', where, memory);
      const count = attempts(faults);
      for (const fault of faults) fault[Symbol.dispose]();
      t.equal(res, status, `CQE res with status 0x${status.toString(16)} injected`);
      t.equal(count, 1, `attempts with status 0x${status.toString(16)} injected`);
    }
  });

  test('an invalid command fails through the head with LBA Out of Range, Invalid Opcode, EINVAL or ENOTTY', async (t) => {
    const { device, char, ring, io } = await openFixture(t);
    const memory = ioMemory(t, device.blockSize);
    const beyondEnd = await io('read', { lba: device.blocks, blocks: 1 }, memory);
    t.equal(nvme.statusCode(beyondEnd.res), nvme.Status.lbaOutOfRange, 'status of a read beyond the end');
    const vendorSpecific = { opcode: 0x90, nsid: device.nsid };
    const refused = await ring.execute({ fd: char.fd, command: vendorSpecific });
    t.equal(nvme.statusCode(refused.res), nvme.Status.invalidOpcode, 'status of opcode 0x90');
    const command = nvme.transfer('read', device, { lba: 0, blocks: 1 }, memory);
    const otherNamespace = await ring.execute({ fd: char.fd, command: { ...command, nsid: 77 } });
    t.errno(otherNamespace, 'EINVAL', 'CQE res of a read with nsid 77');
    const unknownCommand = await ring.execute({ fd: char.fd, command, cmdOp: 0 });
    t.errno(unknownCommand, 'ENOTTY', 'CQE res of a read with cmd_op 0');
  });

  test('a read that fails with a path error on every attempt ends after 5 retries with the status', {
    class: 'choice',
  }, async (t) => {
    const { device, io, paths } = await openFixture(t);
    const faults = paths.map((path) =>
      t.use(new InjectedFault(device.pathName(path), { status: hostPathError, times: TIMES })),
    );
    const where = allocateSpan(device, device.atMost(8));
    const { res } = await io('read', where, ioMemory(t, where.blocks * device.blockSize));
    t.equal(res, hostPathError, 'CQE res of the read');
    // nvme_core.max_retries is 5: six attempts, which alternate between the paths.
    t.same(
      faults.map(({ left }) => TIMES - left),
      [3, 3],
      'attempts on each path',
    );
  });
});
