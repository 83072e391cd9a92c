import { ioctlCommand, ioMemory, nvme, suite, test } from '../lib/index.ts';
import { allocateBlocks, setUp } from './setup.ts';

const { Status } = nvme;

// The CQE's res is the positive NVMe status that the device returned, not an errno.
suite('NVMe status', { devices: ['data'] }, () => {
  test('an opcode that the device does not support completes with Invalid Command Opcode', async (t) => {
    const { device, char, ring } = setUp(t);
    for (const opcode of [0x3f, 0x80, 0xc0, 0xff]) {
      const cqe = await ring.execute({ fd: char.fd, command: { opcode, nsid: device.nsid } });
      t.equal(cqe.res, Status.invalidOpcode | Status.dnr, `CQE res of opcode 0x${opcode.toString(16)}`);
    }
  });

  test('a transfer past the last block completes with LBA Out of Range, as by ioctl', async (t) => {
    const { device, char, ring } = setUp(t);
    const memory = ioMemory(t, 16 * device.blockSize, 9);
    const before = memory.bytes.slice();
    const outOfRange = [
      { lba: device.blocks, blocks: 1 },
      { lba: device.blocks - 1, blocks: 2 },
      { lba: 0xffff_ffff_ffff_fff0n, blocks: device.atMost(8) },
    ];
    for (const span of outOfRange) {
      for (const kind of ['read', 'write'] as const) {
        const command = nvme.transfer(kind, device, span, memory);
        const transfer = `a ${kind} of ${span.blocks} blocks at block ${span.lba}`;
        const cqe = await ring.execute({ fd: char.fd, command });
        t.equal(cqe.res, Status.lbaOutOfRange | Status.dnr, `CQE res of ${transfer}`);
        const { status } = ioctlCommand(t.uapi, char, command);
        t.equal(status, cqe.res, `status of ${transfer} by ioctl, compared with the CQE res`);
      }
    }
    t.bytes(memory.bytes, before, 'memory after the failed transfers');
    const last = nvme.transfer('read', device, { lba: device.blocks - 1, blocks: 1 }, memory);
    const { res } = await ring.execute({ fd: char.fd, command: last });
    t.equal(res, 0, 'CQE res of the read of the last block');
  });

  test('compare of equal data succeeds; with one bit changed it completes with Compare Failure', async (t) => {
    const { device, io } = setUp(t);
    const span = allocateBlocks(device, device.atMost(4));
    const memory = ioMemory(t, span.blocks * device.blockSize, 91);
    t.equal((await io('write', span, memory)).res, 0, 'CQE res of the write');
    t.equal((await io('compare', span, memory)).res, 0, 'CQE res of the compare with equal data');
    memory.view.setUint8(memory.length - 1, memory.view.getUint8(memory.length - 1) ^ 1);
    const cqe = await io('compare', span, memory);
    const code = nvme.statusCode(cqe.res);
    t.equal(
      code,
      Status.compareFailure,
      `status code (of CQE res ${cqe.res}) of the compare with one bit changed`,
    );
  });

  test('a command with an error status does not fail its neighbours or break a soft link; EINVAL breaks it', async (t) => {
    const { device, char, ring } = setUp(t);
    const flush = nvme.flush(device);
    const unsupported = { opcode: 0xc0, nsid: device.nsid };
    [flush, unsupported, flush].forEach((command, userData) => {
      ring.passthrough({ fd: char.fd, command, userData });
    });
    const results = (await ring.complete()).map(({ res }) => res);
    t.same(
      results,
      [0, Status.invalidOpcode | Status.dnr, 0],
      'CQE res of flush, unsupported opcode, flush without links',
    );
    // io_uring breaks a link when res < 0; the positive status of the first command does not, -EINVAL of the second does.
    const link = ['IOSQE_IO_LINK'];
    ring.passthrough({ fd: char.fd, command: unsupported, userData: 0, flags: link });
    ring.passthrough({ fd: char.fd, command: { ...flush, flags: 1 }, userData: 1, flags: link });
    ring.passthrough({ fd: char.fd, command: flush, userData: 2 });
    const [first, second, third] = await ring.complete();
    t.equal(
      first?.res,
      Status.invalidOpcode | Status.dnr,
      'CQE res of the unsupported opcode that starts the chain',
    );
    t.errno(second ?? { res: 0 }, 'EINVAL', 'CQE res of the linked flush with command flags');
    t.errno(third ?? { res: 0 }, 'ECANCELED', 'CQE res of the flush linked behind EINVAL');
  });
});
