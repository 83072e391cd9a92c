import { ioMemory, iovecs, nvme, suite, test } from '../lib/index.ts';
import { area, putOnMedium, setUp } from './setup.ts';

const PAGE = 4096;

suite('sizes', { devices: ['data'] }, () => {
  test('a length of zero maps nothing, whatever the address', async (t) => {
    const { device, char, ring } = setUp(t);
    for (const addr of [0n, 8n, 0xffff_8880_0000_0000n]) {
      const command = { ...nvme.flush(device), addr, dataLength: 0 };
      t.equal((await ring.execute({ fd: char.fd, command })).res, 0, `address ${addr}`);
    }
    const vectored = { ...nvme.flush(device), addr: 8n, dataLength: 0 };
    t.equal(
      (await ring.execute({ fd: char.fd, cmdOp: 'NVME_URING_CMD_IO_VEC', command: vectored })).res,
      0,
      'vector',
    );
  });

  test('a length longer than the transfer: nothing behind the length changes', async (t) => {
    const { device, char, ring } = setUp(t);
    const where = area(device, 1);
    const { blockSize } = device;
    const source = ioMemory(t, blockSize, 910);
    putOnMedium(t, device, where, source);
    // Within one page, where the device cannot be told of more pieces than it expects.
    for (const dataLength of [blockSize, blockSize + 1, 2 * blockSize, PAGE - 1, PAGE]) {
      const memory = ioMemory(t, 2 * PAGE, 911);
      const before = memory.bytes.slice();
      const command = { ...nvme.transfer('read', device, where, memory), dataLength };
      t.equal((await ring.execute({ fd: char.fd, command })).res, 0, `${dataLength} bytes`);
      t.bytes(memory.bytes.subarray(0, blockSize), source.bytes, `${dataLength} bytes: the transfer`);
      t.bytes(memory.bytes.subarray(dataLength), before.subarray(dataLength), `${dataLength} bytes: behind`);
    }
  });

  test('vectors: more segments than the kernel takes are EINVAL, empty ones are nothing', async (t) => {
    const { device, char, ring } = setUp(t);
    const where = area(device, 8);
    const source = ioMemory(t, where.blocks * device.blockSize, 930);
    putOnMedium(t, device, where, source);
    const memory = ioMemory(t, 4 * PAGE);
    const vectored = (parts: { address: bigint; length: number }[]) => {
      const list = t.use(iovecs(parts));
      const command = { ...nvme.transfer('read', device, where, list), dataLength: parts.length };
      return { fd: char.fd, cmdOp: 'NVME_URING_CMD_IO_VEC', command };
    };
    const whole = { address: memory.address, length: source.length };
    const nothing = { address: memory.address, length: 0 };
    t.equal((await ring.execute(vectored([nothing, whole, nothing]))).res, 0);
    t.bytes(memory.bytes.subarray(0, source.length), source.bytes);
    const many = Array.from(
      { length: t.uapi.has('UIO_MAXIOV') ? t.uapi.constant('UIO_MAXIOV') + 1 : 1025 },
      () => whole,
    );
    t.errno(await ring.execute(vectored(many)), 'EINVAL', `${many.length} segments`);
  });
});
