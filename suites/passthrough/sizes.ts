import { ioMemory, iovecs, type MemoryRange, nvme, suite, test } from '../lib/index.ts';
import { allocateBlocks, PAGE, setUp, writeBlockDevice } from './setup.ts';

suite('data lengths and segment counts', { devices: ['data'] }, () => {
  test('a command with a data length of 0 completes, whatever its address', async (t) => {
    const { device, char, ring } = setUp(t);
    for (const addr of [0n, 8n, 0xffff_8880_0000_0000n]) {
      const command = { ...nvme.flush(device), addr, dataLength: 0 };
      const { res } = await ring.execute({ fd: char.fd, command });
      t.equal(res, 0, `CQE res of a flush with address 0x${addr.toString(16)}`);
    }
    const command = { ...nvme.flush(device), addr: 8n, dataLength: 0 };
    const { res } = await ring.execute({ fd: char.fd, cmdOp: 'NVME_URING_CMD_IO_VEC', command });
    t.equal(res, 0, 'CQE res of a vectored flush with 0 iovecs at address 0x8');
  });

  test('a read with a data length beyond its transfer changes nothing past the data length', async (t) => {
    const { device, char, ring } = setUp(t);
    const span = allocateBlocks(device, 1);
    const { blockSize } = device;
    const source = ioMemory(t, blockSize, 910);
    writeBlockDevice(t, device, span, source);
    // Within one page: a longer buffer would need a second PRP, which the device does not expect for one block.
    if (blockSize >= PAGE) t.skip(`a block of ${blockSize} bytes leaves no room in its page`);
    for (const dataLength of [blockSize, blockSize + 1, 2 * blockSize, PAGE - 1, PAGE]) {
      const memory = ioMemory(t, 2 * PAGE, 911);
      const before = memory.bytes.slice();
      const command = { ...nvme.transfer('read', device, span, memory), dataLength };
      const { res } = await ring.execute({ fd: char.fd, command });
      t.equal(res, 0, `CQE res with data length ${dataLength}`);
      t.bytes(
        memory.bytes.subarray(0, blockSize),
        source.bytes,
        `the block read with data length ${dataLength}`,
      );
      t.bytes(
        memory.bytes.subarray(dataLength),
        before.subarray(dataLength),
        `memory past data length ${dataLength}`,
      );
    }
  });

  test('a vectored read skips empty segments; more than UIO_MAXIOV segments fail with EINVAL', async (t) => {
    const { device, char, ring } = setUp(t);
    const span = allocateBlocks(device, device.blocksOf(PAGE));
    const source = ioMemory(t, span.blocks * device.blockSize, 930);
    writeBlockDevice(t, device, span, source);
    const memory = ioMemory(t, 4 * PAGE);
    const vectored = (parts: MemoryRange[]) => {
      const list = t.use(iovecs(parts));
      const command = nvme.transfer('read', device, span, list);
      return { fd: char.fd, cmdOp: 'NVME_URING_CMD_IO_VEC', command };
    };
    const whole = memory.part(0, source.length);
    const empty = memory.part(0, 0);
    const { res } = await ring.execute(vectored([empty, whole, empty]));
    t.equal(res, 0, 'CQE res of the read with empty segments');
    t.bytes(
      memory.bytes.subarray(0, source.length),
      source.bytes,
      'memory after the read with empty segments',
    );
    const tooMany = Array.from(
      { length: t.uapi.has('UIO_MAXIOV') ? t.uapi.constant('UIO_MAXIOV') + 1 : 1025 },
      () => whole,
    );
    t.errno(
      await ring.execute(vectored(tooMany)),
      'EINVAL',
      `CQE res of a read with ${tooMany.length} segments`,
    );
  });
});
