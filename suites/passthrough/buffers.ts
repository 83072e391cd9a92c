import { fillPattern, ioMemory, iovecs, nvme, pattern, suite, test } from '../lib/index.ts';
import { area, onMedium, putOnMedium, setUp } from './setup.ts';

const PAGE = 4096;

suite('buffers', { devices: ['data'] }, () => {
  test('vectored commands gather and scatter in the order of the vector', async (t) => {
    const { device, char, ring } = setUp(t);
    const where = area(device, (6 * PAGE) / device.blockSize);
    const memory = ioMemory(t, 6 * PAGE, 41);
    const order = [4, 0, 5, 2, 1, 3];
    const list = t.use(
      iovecs(order.map((page) => ({ address: memory.address + BigInt(page * PAGE), length: PAGE }))),
    );
    const expected = Buffer.concat(order.map((page) => memory.bytes.slice(page * PAGE, (page + 1) * PAGE)));
    const vectored = (kind: 'read' | 'write') => ({
      fd: char.fd,
      cmdOp: 'NVME_URING_CMD_IO_VEC',
      // In the vectored form the length counts segments.
      command: { ...nvme.transfer(kind, device, where, list), dataLength: order.length },
    });
    t.equal((await ring.execute(vectored('write'))).res, 0);
    t.bytes(onMedium(t, device, where), expected, 'gathered');
    const before = memory.bytes.slice();
    memory.bytes.fill(0);
    t.equal((await ring.execute(vectored('read'))).res, 0);
    t.bytes(memory.bytes, before, 'scattered');
  });

  test('registered buffers are read and written in place', async (t) => {
    const { device, char, ring } = setUp(t);
    const where = area(device, 16);
    const length = where.blocks * device.blockSize;
    const [one, two] = [ioMemory(t, length * 3, 51), ioMemory(t, length * 3, 52)];
    ring.registerBuffers([one, two]);
    const write = nvme.transfer('write', device, where, two, { offset: length });
    t.equal((await ring.execute({ fd: char.fd, command: write, bufIndex: 1 })).res, 0);
    const written = two.bytes.slice(length, 2 * length);
    t.bytes(onMedium(t, device, where), written, 'written from buffer 1');
    const expected = one.bytes.slice();
    expected.set(written, length);
    const read = nvme.transfer('read', device, where, one, { offset: length });
    t.equal((await ring.execute({ fd: char.fd, command: read, bufIndex: 0 })).res, 0);
    t.bytes(one.bytes, expected, 'read into buffer 0 and nowhere else');
  });

  test('buffers at any address: only their own bytes change', async (t) => {
    const { device, char, ring } = setUp(t);
    const where = area(device, 9);
    const length = where.blocks * device.blockSize;
    const source = ioMemory(t, length, 61);
    putOnMedium(t, device, where, source);
    for (const offset of [device.blockSize, 4, 1, PAGE - 3, PAGE - 512]) {
      const memory = ioMemory(t, length + 2 * PAGE, 62 + offset);
      const expected = memory.bytes.slice();
      expected.set(source.bytes, offset);
      const command = nvme.transfer('read', device, where, memory, { offset });
      t.equal((await ring.execute({ fd: char.fd, command })).res, 0, `offset ${offset}`);
      t.bytes(memory.bytes, expected, `read to offset ${offset}`);
      fillPattern(memory.bytes, offset);
      const write = nvme.transfer('write', device, where, memory, { offset });
      t.equal((await ring.execute({ fd: char.fd, command: write })).res, 0, `offset ${offset}`);
      const written = pattern(memory.length, offset).subarray(offset, offset + length);
      t.bytes(onMedium(t, device, where), written, `written from offset ${offset}`);
      putOnMedium(t, device, where, source);
    }
  });

  test('a registered file is as good as a descriptor', async (t) => {
    const { device, char, ring } = setUp(t);
    const where = area(device, 8);
    const memory = ioMemory(t, where.blocks * device.blockSize, 71);
    ring.registerFiles([char.fd]);
    const pass = { fd: 0, flags: ['IOSQE_FIXED_FILE'] };
    const cqe = await ring.execute({ ...pass, command: nvme.transfer('write', device, where, memory) });
    t.equal(cqe.res, 0);
    t.bytes(onMedium(t, device, where), memory.bytes);
    const beyond = await ring.execute({ ...pass, fd: 1, command: nvme.flush(device) });
    t.errno(beyond, 'EBADF', 'a slot past the table');
  });
});
