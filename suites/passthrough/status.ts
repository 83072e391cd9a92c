import { ioctlCommand, ioMemory, nvme, suite, test } from '../lib/index.ts';
import { area, setUp } from './setup.ts';

const { Status } = nvme;

// What the device says comes back as it is: the positive NVMe status, not an errno.
suite('NVMe status', { devices: ['data'] }, () => {
  test('an opcode that the device does not know: Invalid Command Opcode', async (t) => {
    const { device, char, ring } = setUp(t);
    for (const opcode of [0x3f, 0x80, 0xc0, 0xff]) {
      const cqe = await ring.execute({ fd: char.fd, command: { opcode, nsid: device.nsid } });
      t.equal(cqe.res, Status.invalidOpcode | Status.dnr, `opcode ${opcode}`);
    }
  });

  test('blocks past the end: LBA Out of Range, as the ioctl says', async (t) => {
    const { device, char, ring } = setUp(t);
    const memory = ioMemory(t, 16 * device.blockSize, 9);
    const before = memory.bytes.slice();
    const past = [
      { lba: device.blocks, blocks: 1 },
      { lba: device.blocks - 1, blocks: 2 },
      { lba: 0xffff_ffff_ffff_fff0n, blocks: 8 },
    ];
    for (const where of past) {
      for (const kind of ['read', 'write'] as const) {
        const command = nvme.transfer(kind, device, where, memory);
        const cqe = await ring.execute({ fd: char.fd, command });
        t.equal(cqe.res, Status.lbaOutOfRange | Status.dnr, `${kind} at ${where.lba}`);
        t.equal(ioctlCommand(t.uapi, char, command).status, cqe.res, 'the ioctl says otherwise');
      }
    }
    t.bytes(memory.bytes, before, 'a failed read touched the buffer');
    const last = nvme.transfer('read', device, { lba: device.blocks - 1, blocks: 1 }, memory);
    t.equal((await ring.execute({ fd: char.fd, command: last })).res, 0, 'the last block');
  });

  test('compare: equal data passes, one bit more is Compare Failure', async (t) => {
    const { device, io } = setUp(t);
    const where = area(device, 4);
    const memory = ioMemory(t, where.blocks * device.blockSize, 91);
    t.equal((await io('write', where, memory)).res, 0);
    t.equal((await io('compare', where, memory)).res, 0);
    memory.view.setUint8(memory.length - 1, memory.view.getUint8(memory.length - 1) ^ 1);
    const cqe = await io('compare', where, memory);
    t.equal(nvme.statusCode(cqe.res), Status.compareFailure, `status ${cqe.res.toString(16)}`);
  });

  test('a failed command neither stops its neighbours nor breaks a soft link silently', async (t) => {
    const { device, char, ring } = setUp(t);
    const flush = nvme.flush(device);
    const bad = { opcode: 0xc0, nsid: device.nsid };
    [flush, bad, flush].forEach((command, userData) => {
      ring.passthrough({ fd: char.fd, command, userData });
    });
    const results = (await ring.complete()).map(({ res }) => res);
    t.same(results, [0, Status.invalidOpcode | Status.dnr, 0]);
    // A link breaks on res < 0: a positive status is a result. EINVAL breaks it.
    const link = ['IOSQE_IO_LINK'];
    ring.passthrough({ fd: char.fd, command: bad, userData: 0, flags: link });
    ring.passthrough({ fd: char.fd, command: { ...flush, flags: 1 }, userData: 1, flags: link });
    ring.passthrough({ fd: char.fd, command: flush, userData: 2 });
    const [first, second, third] = await ring.complete();
    t.equal(first?.res, Status.invalidOpcode | Status.dnr);
    t.errno(second ?? { res: 0 }, 'EINVAL');
    t.errno(third ?? { res: 0 }, 'ECANCELED');
  });
});
