import { ioctlCommand, ioMemory, nvme, suite, test } from '../lib/index.ts';
import { allocateBlocks, readBlockDevice, setUp, writeBlockDevice } from './setup.ts';

suite('data compared with other interfaces', { devices: ['data'] }, () => {
  test('the block device reads what was written through the character device', async (t) => {
    const { device, io } = setUp(t);
    for (const blocks of [1, 8, 64].map((each) => device.atMost(each))) {
      const span = allocateBlocks(device, blocks);
      const memory = ioMemory(t, blocks * device.blockSize, blocks);
      const cqe = await io('write', span, memory);
      t.equal(cqe.res, 0, `CQE res of the write of ${blocks} blocks`);
      t.same(cqe.big, [0n, 0n], `extra words of the write of ${blocks} blocks`);
      t.bytes(readBlockDevice(t, device, span), memory.bytes, `the ${blocks} written blocks`);
    }
  });

  test('the character device reads what was written through the block device', async (t) => {
    const { device, io } = setUp(t);
    for (const blocks of [1, 8, 64].map((each) => device.atMost(each))) {
      const span = allocateBlocks(device, blocks);
      const source = ioMemory(t, blocks * device.blockSize, 100 + blocks);
      writeBlockDevice(t, device, span, source);
      const target = ioMemory(t, source.length);
      const cqe = await io('read', span, target);
      t.equal(cqe.res, 0, `CQE res of the read of ${blocks} blocks`);
      t.same(cqe.big, [0n, 0n], `extra words of the read of ${blocks} blocks`);
      t.bytes(target.bytes, source.bytes, `memory after the read of ${blocks} blocks`);
    }
  });

  test('the synchronous ioctl reads what io_uring wrote, and io_uring reads what the ioctl wrote', async (t) => {
    const { device, char, io } = setUp(t);
    const span = allocateBlocks(device, device.atMost(16));
    const length = span.blocks * device.blockSize;
    const [first, second, target] = [ioMemory(t, length, 11), ioMemory(t, length, 12), ioMemory(t, length)];
    t.equal((await io('write', span, first)).res, 0, 'CQE res of the io_uring write');
    const read = ioctlCommand(t.uapi, char, nvme.transfer('read', device, span, target));
    t.same(read, { status: 0, result: 0n }, 'status and result of the ioctl read');
    t.bytes(target.bytes, first.bytes, 'memory after the ioctl read');
    const write = ioctlCommand(t.uapi, char, nvme.transfer('write', device, span, second));
    t.equal(write.status, 0, 'status of the ioctl write');
    t.equal((await io('read', span, target)).res, 0, 'CQE res of the io_uring read');
    t.bytes(target.bytes, second.bytes, 'memory after the io_uring read');
  });

  test('a write changes only the blocks that it addresses', async (t) => {
    const { device, io } = setUp(t);
    const span = allocateBlocks(device, 24);
    const expected = ioMemory(t, span.blocks * device.blockSize, 21);
    writeBlockDevice(t, device, span, expected);
    const middle = { lba: Number(span.lba) + 7, blocks: device.atMost(9) };
    const memory = ioMemory(t, middle.blocks * device.blockSize, 22);
    t.equal((await io('write', middle, memory)).res, 0, `CQE res of the write of ${middle.blocks} blocks`);
    expected.bytes.set(memory.bytes, 7 * device.blockSize);
    t.bytes(readBlockDevice(t, device, span), expected.bytes, 'the written blocks and those around them');
  });

  test('flush and write zeroes complete without a data buffer; zeroed blocks read as zeros', async (t) => {
    const { device, char, ring, io } = setUp(t);
    const span = allocateBlocks(device, device.atMost(8));
    const memory = ioMemory(t, span.blocks * device.blockSize, 31);
    t.equal((await io('write', span, memory)).res, 0, 'CQE res of the write of data to the blocks');
    for (const command of [nvme.flush(device), nvme.writeZeroes(device, span), nvme.flush(device)]) {
      const { res } = await ring.execute({ fd: char.fd, command });
      t.equal(res, 0, `CQE res of opcode ${command.opcode}`);
    }
    t.bytes(readBlockDevice(t, device, span), new Uint8Array(memory.length), 'the zeroed blocks');
  });
});
