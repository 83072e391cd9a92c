import { ioctlCommand, ioMemory, nvme, suite, test } from '../lib/index.ts';
import { area, onMedium, putOnMedium, setUp } from './setup.ts';

suite('data against other interfaces', { devices: ['data'] }, () => {
  test('what is written through the character device is on the block device', async (t) => {
    const { device, io } = setUp(t);
    for (const blocks of [1, 8, 64]) {
      const where = area(device, blocks);
      const memory = ioMemory(t, blocks * device.blockSize, blocks);
      const cqe = await io('write', where, memory);
      t.equal(cqe.res, 0);
      t.same(cqe.big, [0n, 0n], 'extra words of a write');
      t.bytes(onMedium(t, device, where), memory.bytes, `${blocks} blocks`);
    }
  });

  test('what is written to the block device is read through the character device', async (t) => {
    const { device, io } = setUp(t);
    for (const blocks of [1, 8, 64]) {
      const where = area(device, blocks);
      const source = ioMemory(t, blocks * device.blockSize, 100 + blocks);
      putOnMedium(t, device, where, source);
      const target = ioMemory(t, source.length);
      const cqe = await io('read', where, target);
      t.equal(cqe.res, 0);
      t.same(cqe.big, [0n, 0n], 'extra words of a read');
      t.bytes(target.bytes, source.bytes, `${blocks} blocks`);
    }
  });

  test('the synchronous ioctl reads what io_uring wrote, and the other way round', async (t) => {
    const { device, char, io } = setUp(t);
    const where = area(device, 16);
    const length = where.blocks * device.blockSize;
    const [first, second, target] = [ioMemory(t, length, 11), ioMemory(t, length, 12), ioMemory(t, length)];
    t.equal((await io('write', where, first)).res, 0);
    const read = ioctlCommand(t.uapi, char, nvme.transfer('read', device, where, target));
    t.same(read, { status: 0, result: 0n });
    t.bytes(target.bytes, first.bytes, 'ioctl after io_uring');
    t.equal(ioctlCommand(t.uapi, char, nvme.transfer('write', device, where, second)).status, 0);
    t.equal((await io('read', where, target)).res, 0);
    t.bytes(target.bytes, second.bytes, 'io_uring after ioctl');
  });

  test('a command touches its own blocks only', async (t) => {
    const { device, io } = setUp(t);
    const where = area(device, 24);
    const ground = ioMemory(t, where.blocks * device.blockSize, 21);
    putOnMedium(t, device, where, ground);
    const middle = { lba: Number(where.lba) + 7, blocks: 9 };
    const memory = ioMemory(t, middle.blocks * device.blockSize, 22);
    t.equal((await io('write', middle, memory)).res, 0);
    ground.bytes.set(memory.bytes, 7 * device.blockSize);
    t.bytes(onMedium(t, device, where), ground.bytes);
  });

  test('flush and write zeroes: commands that carry no data', async (t) => {
    const { device, char, ring, io } = setUp(t);
    const where = area(device, 8);
    t.equal((await io('write', where, ioMemory(t, where.blocks * device.blockSize, 31))).res, 0);
    for (const command of [nvme.flush(device), nvme.writeZeroes(device, where), nvme.flush(device)])
      t.equal((await ring.execute({ fd: char.fd, command })).res, 0, `opcode ${command.opcode}`);
    t.bytes(onMedium(t, device, where), new Uint8Array(where.blocks * device.blockSize));
  });
});
