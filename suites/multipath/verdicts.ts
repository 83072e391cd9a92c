import { InjectedFault, ioMemory, nvme, suite, test } from '../lib/index.ts';
import { area, SHARED, setUp } from './setup.ts';

const TIMES = 100;
const { dnr, hostPathError } = nvme.Status;
/** Commands go to one path at a time: a fault on both is met by one of them. */
const met = (faults: readonly InjectedFault[]) => faults.reduce((sum, { left }) => sum + TIMES - left, 0);

suite('what is not another path’s business', { devices: [SHARED] }, () => {
  test('a path error that forbids retries comes back as it is', async (t) => {
    const { device, io, paths } = await setUp(t);
    const faults = paths.map((path) =>
      t.use(
        new InjectedFault(device.pathName(path), { status: hostPathError, times: TIMES, dontRetry: true }),
      ),
    );
    const where = area(device, 8);
    const { res, big } = await io('read', where, ioMemory(t, where.blocks * device.blockSize));
    t.equal(res, hostPathError | dnr);
    t.same(big, [0n, 0n], 'extra words');
    t.equal(met(faults), 1, 'attempts');
  });

  test('any other status comes back as it is', async (t) => {
    const { device, io, paths } = await setUp(t);
    const where = area(device, 8);
    const memory = ioMemory(t, where.blocks * device.blockSize);
    // Internal error, namespace not ready, invalid field, unrecovered read, guard check.
    for (const status of [0x006, 0x082, 0x002, 0x281, 0x282]) {
      const faults = paths.map((path) => new InjectedFault(device.pathName(path), { status, times: TIMES }));
      const { res } = await io('read', where, memory);
      const attempts = met(faults);
      for (const fault of faults) fault[Symbol.dispose]();
      t.equal(res, status, `injected 0x${status.toString(16)}`);
      t.equal(attempts, 1, `attempts with 0x${status.toString(16)}`);
    }
  });

  test('what the device itself refuses is refused through the head', async (t) => {
    const { device, char, ring, io } = await setUp(t);
    const memory = ioMemory(t, 8 * device.blockSize);
    const beyond = await io('read', { lba: device.blocks, blocks: 8 }, memory);
    t.equal(nvme.statusCode(beyond.res), nvme.Status.lbaOutOfRange);
    const vendor = await ring.execute({ fd: char.fd, command: { opcode: 0x90, nsid: device.nsid } });
    t.equal(nvme.statusCode(vendor.res), nvme.Status.invalidOpcode);
    const other = nvme.transfer('read', device, { lba: 0, blocks: 8 }, memory);
    t.errno(await ring.execute({ fd: char.fd, command: { ...other, nsid: 77 } }), 'EINVAL', 'another nsid');
    t.errno(await ring.execute({ fd: char.fd, command: other, cmdOp: 0 }), 'ENOTTY', 'no such cmd_op');
  });

  test('errors without end on all paths end at the retry limit, with the status', async (t) => {
    const { device, io, paths } = await setUp(t);
    const faults = paths.map((path) =>
      t.use(new InjectedFault(device.pathName(path), { status: hostPathError, times: TIMES })),
    );
    const where = area(device, 8);
    const { res } = await io('read', where, ioMemory(t, where.blocks * device.blockSize));
    t.equal(res, hostPathError);
    // nvme_core.max_retries: 5 retries after the first attempt, on both paths in turn.
    t.same(
      faults.map(({ left }) => TIMES - left),
      [3, 3],
      'attempts on each path',
    );
  });
});
