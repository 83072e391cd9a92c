import { fillPattern, ioMemory, iovecs, nvme, pattern, suite, test } from '../lib/index.ts';
import { allocateBlocks, PAGE, readBlockDevice, setUp, writeBlockDevice } from './setup.ts';

suite('data buffers', { devices: ['data'] }, () => {
  test('a vectored write gathers and a vectored read scatters in the order of the iovecs', async (t) => {
    const { device, char, ring } = setUp(t);
    const pages = Math.floor((device.atMost(device.blocksOf(6 * PAGE)) * device.blockSize) / PAGE);
    const order = [4, 0, 5, 2, 1, 3].filter((page) => page < pages);
    const span = allocateBlocks(device, device.blocksOf(pages * PAGE));
    const memory = ioMemory(t, pages * PAGE, 41);
    const list = t.use(iovecs(order.map((page) => memory.part(page * PAGE, PAGE))));
    const gathered = Buffer.concat(order.map((page) => memory.bytes.slice(page * PAGE, (page + 1) * PAGE)));
    const vectored = (kind: 'read' | 'write') => ({
      fd: char.fd,
      cmdOp: 'NVME_URING_CMD_IO_VEC',
      command: nvme.transfer(kind, device, span, list),
    });
    t.equal((await ring.execute(vectored('write'))).res, 0, 'CQE res of the vectored write');
    t.bytes(readBlockDevice(t, device, span), gathered, 'blocks after the vectored write');
    const before = memory.bytes.slice();
    memory.bytes.fill(0);
    t.equal((await ring.execute(vectored('read'))).res, 0, 'CQE res of the vectored read');
    t.bytes(memory.bytes, before, 'memory after the vectored read');
  });

  test('a command with a registered buffer transfers only the range that it addresses', async (t) => {
    const { device, char, ring } = setUp(t);
    const span = allocateBlocks(device, device.atMost(16));
    const length = span.blocks * device.blockSize;
    const [target, source] = [ioMemory(t, length * 3, 51), ioMemory(t, length * 3, 52)];
    ring.registerBuffers([target, source]);
    const write = nvme.transfer('write', device, span, source, { offset: length });
    const writeCqe = await ring.execute({ fd: char.fd, command: write, bufIndex: 1 });
    t.equal(writeCqe.res, 0, 'CQE res of the write from buffer 1');
    const written = source.bytes.slice(length, 2 * length);
    t.bytes(readBlockDevice(t, device, span), written, 'blocks written from buffer 1');
    const expected = target.bytes.slice();
    expected.set(written, length);
    const read = nvme.transfer('read', device, span, target, { offset: length });
    const readCqe = await ring.execute({ fd: char.fd, command: read, bufIndex: 0 });
    t.equal(readCqe.res, 0, 'CQE res of the read into buffer 0');
    t.bytes(target.bytes, expected, 'all of buffer 0 after the read');
  });

  test('a transfer at any byte offset moves the right bytes and changes no others', async (t) => {
    const { device, char, ring } = setUp(t);
    const span = allocateBlocks(device, device.atMost(9));
    const length = span.blocks * device.blockSize;
    const source = ioMemory(t, length, 61);
    writeBlockDevice(t, device, span, source);
    for (const offset of [device.blockSize, 4, 1, PAGE - 3, PAGE - 512]) {
      const memory = ioMemory(t, length + 2 * PAGE, 62 + offset);
      const expected = memory.bytes.slice();
      expected.set(source.bytes, offset);
      const read = nvme.transfer('read', device, span, memory, { offset });
      const readCqe = await ring.execute({ fd: char.fd, command: read });
      t.equal(readCqe.res, 0, `CQE res of the read to offset ${offset}`);
      t.bytes(memory.bytes, expected, `memory after the read to offset ${offset}`);
      fillPattern(memory.bytes, offset);
      const write = nvme.transfer('write', device, span, memory, { offset });
      const writeCqe = await ring.execute({ fd: char.fd, command: write });
      t.equal(writeCqe.res, 0, `CQE res of the write from offset ${offset}`);
      const written = pattern(memory.length, offset).subarray(offset, offset + length);
      t.bytes(readBlockDevice(t, device, span), written, `blocks written from offset ${offset}`);
      writeBlockDevice(t, device, span, source);
    }
  });

  test('a command on a registered file completes; a slot past the file table fails with EBADF', async (t) => {
    const { device, char, ring } = setUp(t);
    const span = allocateBlocks(device, device.atMost(8));
    const memory = ioMemory(t, span.blocks * device.blockSize, 71);
    ring.registerFiles([char.fd]);
    const fixedFile = { fd: 0, flags: ['IOSQE_FIXED_FILE'] };
    const cqe = await ring.execute({ ...fixedFile, command: nvme.transfer('write', device, span, memory) });
    t.equal(cqe.res, 0, 'CQE res of the write through file slot 0');
    t.bytes(readBlockDevice(t, device, span), memory.bytes, 'blocks written through file slot 0');
    const pastTable = await ring.execute({ ...fixedFile, fd: 1, command: nvme.flush(device) });
    t.errno(pastTable, 'EBADF', 'CQE res of a flush through file slot 1 of 1');
  });
});
