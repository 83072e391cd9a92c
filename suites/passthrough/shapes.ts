import { File, ioMemory, nvme, openRing, type Shape, suite, test } from '../lib/index.ts';
import { allocateBlocks, DIRECT, READ_WRITE, writeBlockDevice } from './setup.ts';

const NAMES: Record<Shape, string> = {
  big: 'big SQEs and big CQEs',
  sqe128: 'big SQEs only',
  cqe32: 'big CQEs only',
  plain: 'neither big SQEs nor big CQEs',
};

suite('ring shapes', { devices: ['data'] }, () => {
  // nvme_uring_cmd_checks() requires big SQEs and big CQEs, and checks that before the command itself.
  for (const shape of ['sqe128', 'cqe32', 'plain'] as const) {
    test(`an NVMe command on a ring with ${NAMES[shape]} fails with EOPNOTSUPP`, async (t) => {
      const device = t.device('data');
      const ring = openRing(t, { shape });
      const memory = ioMemory(t, 4096, 1);
      const before = memory.bytes.slice();
      const command = nvme.transfer('read', device, { lba: 0, blocks: 1 }, memory);
      for (const path of [device.char, device.controllers[0]?.path ?? '']) {
        const file = t.use(new File(path, READ_WRITE));
        const cmdOp = path === device.char ? 'NVME_URING_CMD_IO' : 'NVME_URING_CMD_ADMIN';
        const cqe = await ring.execute({ fd: file.fd, command, cmdOp });
        t.errno(cqe, 'EOPNOTSUPP', `CQE res of a command on ${path}`);
      }
      t.bytes(memory.bytes, before, 'memory after the refused commands');
    });
  }

  for (const shape of ['big', 'sqe128', 'cqe32', 'plain'] as const) {
    test(`a NOP and a block device read complete on a ring with ${NAMES[shape]}`, async (t) => {
      const device = t.device('data');
      const ring = openRing(t, { shape, entries: 4 });
      const span = allocateBlocks(device, 8);
      const source = ioMemory(t, span.blocks * device.blockSize, 2);
      writeBlockDevice(t, device, span, source);
      const block = t.use(new File(device.block, DIRECT));
      const target = ioMemory(t, source.length);
      const off = Number(span.lba) * device.blockSize;
      for (let round = 0; round < 9; round++) {
        target.bytes.fill(0);
        ring.sqe({ opcode: 'IORING_OP_NOP', userData: 1 });
        const read = {
          opcode: 'IORING_OP_READ',
          fd: block.fd,
          addr: target.address,
          len: target.length,
          off,
        };
        ring.sqe({ ...read, userData: 2 });
        const cqes = await ring.complete();
        t.same(
          cqes.map(({ tag, res, big }) => [tag, res, ...big]),
          [
            [1, 0, 0n, 0n],
            [2, source.length, 0n, 0n],
          ],
          `tag, res and extra words of NOP and read in round ${round}`,
        );
        t.bytes(target.bytes, source.bytes, `memory after the read of round ${round}`);
      }
    });
  }

  test('a completion overwrites the whole CQE slot, with both extra words', async (t) => {
    const device = t.device('data');
    for (const shape of ['big', 'cqe32'] as const) {
      const ring = openRing(t, { shape, entries: 4 });
      const char = t.use(new File(device.char, READ_WRITE));
      const { cq, cqEntries } = ring.params;
      const slots = new Uint8Array(ring.queues, cq.cqes, cqEntries * ring.cqeSize);
      for (let round = 0; round < 2; round++) {
        slots.fill(0xff);
        ring.sqe({ opcode: 'IORING_OP_NOP', userData: 1 });
        if (shape === 'big') ring.passthrough({ fd: char.fd, command: nvme.flush(device), userData: 2 });
        for (const { tag, res, flags, big } of await ring.complete())
          t.same(
            [res, flags, ...big],
            [0, 0, 0n, 0n],
            `res, flags and extra words of CQE ${tag} in round ${round} (${NAMES[shape]})`,
          );
      }
    }
  });

  test('a block device read linked behind an NVMe write on the same ring reads the written data', async (t) => {
    const device = t.device('data');
    const ring = openRing(t);
    const char = t.use(new File(device.char, READ_WRITE));
    const span = allocateBlocks(device, device.atMost(8));
    const memory = ioMemory(t, span.blocks * device.blockSize, 3);
    const block = t.use(new File(device.block, DIRECT));
    const off = Number(span.lba) * device.blockSize;
    const link = { flags: ['IOSQE_IO_LINK'] };
    const target = ioMemory(t, memory.length);
    const write = nvme.transfer('write', device, span, memory);
    ring.passthrough({ fd: char.fd, command: write, userData: 1, ...link });
    const read = { opcode: 'IORING_OP_READ', fd: block.fd, addr: target.address, len: target.length, off };
    ring.sqe({ ...read, userData: 2 });
    t.same(
      (await ring.complete()).map(({ res }) => res),
      [0, memory.length],
      'CQE res of the write and the linked read',
    );
    t.bytes(target.bytes, memory.bytes, 'memory after the linked read');
  });
});
