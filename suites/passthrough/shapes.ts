import { File, ioMemory, nvme, openRing, type Shape, suite, test } from '../lib/index.ts';
import { area, DIRECT, putOnMedium, READ_WRITE } from './setup.ts';

const NAMES: Record<Shape, string> = {
  big: 'big SQE and big CQE',
  sqe128: 'big SQE only',
  cqe32: 'big CQE only',
  plain: 'neither big',
};

suite('ring shapes', { devices: ['data'] }, () => {
  // nvme_uring_cmd_checks() wants both, before it looks at the command.
  for (const shape of ['sqe128', 'cqe32', 'plain'] as const) {
    test(`NVMe refuses a ring with ${NAMES[shape]}`, async (t) => {
      const device = t.device('data');
      const ring = openRing(t, { shape });
      const memory = ioMemory(t, 4096, 1);
      const before = memory.bytes.slice();
      const command = nvme.transfer('read', device, { lba: 0, blocks: 1 }, memory);
      for (const path of [device.char, device.controllers[0]?.path ?? '']) {
        const file = t.use(new File(path, READ_WRITE));
        const cmdOp = path === device.char ? 'NVME_URING_CMD_IO' : 'NVME_URING_CMD_ADMIN';
        t.errno(
          await ring.execute({ fd: file.fd, command, cmdOp }),
          'EOPNOTSUPP',
          `wrong errno from ${path}`,
        );
      }
      t.bytes(memory.bytes, before, 'a refused command touched the buffer');
    });
  }

  for (const shape of ['big', 'sqe128', 'cqe32', 'plain'] as const) {
    test(`plain opcodes work on a ring with ${NAMES[shape]}`, async (t) => {
      const device = t.device('data');
      const ring = openRing(t, { shape, entries: 4 });
      const where = area(device, 8);
      const source = ioMemory(t, where.blocks * device.blockSize, 2);
      putOnMedium(t, device, where, source);
      const block = t.use(new File(device.block, DIRECT));
      const target = ioMemory(t, source.length);
      const off = Number(where.lba) * device.blockSize;
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
          `round ${round}: tag, res and extra words`,
        );
        t.bytes(target.bytes, source.bytes);
      }
    });
  }

  test('a completion is written whole, whatever lay in its slot', async (t) => {
    const device = t.device('data');
    for (const shape of ['big', 'cqe32'] as const) {
      const ring = openRing(t, { shape, entries: 4 });
      const char = t.use(new File(device.char, READ_WRITE));
      const { cq, cqEntries } = ring.params;
      const slots = new Uint8Array(ring.queues, cq.cqes, cqEntries * ring.cqeSize);
      for (let turn = 0; turn < 2; turn++) {
        slots.fill(0xff);
        ring.sqe({ opcode: 'IORING_OP_NOP', userData: 1 });
        if (shape === 'big') ring.passthrough({ fd: char.fd, command: nvme.flush(device), userData: 2 });
        for (const { tag, res, flags, big } of await ring.complete())
          t.same([res, flags, ...big], [0, 0, 0n, 0n], `${shape}, completion ${tag}`);
      }
    }
  });

  test('NVMe commands and plain opcodes share a ring', async (t) => {
    const device = t.device('data');
    const ring = openRing(t);
    const char = t.use(new File(device.char, READ_WRITE));
    const where = area(device, 8);
    const memory = ioMemory(t, where.blocks * device.blockSize, 3);
    const block = t.use(new File(device.block, DIRECT));
    const off = Number(where.lba) * device.blockSize;
    const link = { flags: ['IOSQE_IO_LINK'] };
    const target = ioMemory(t, memory.length);
    const write = nvme.transfer('write', device, where, memory);
    ring.passthrough({ fd: char.fd, command: write, userData: 1, ...link });
    const read = { opcode: 'IORING_OP_READ', fd: block.fd, addr: target.address, len: target.length, off };
    ring.sqe({ ...read, userData: 2 });
    t.same(
      (await ring.complete()).map(({ res }) => res),
      [0, memory.length],
    );
    t.bytes(target.bytes, memory.bytes, 'the linked read does not see the write');
  });
});
