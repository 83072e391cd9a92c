import { fillPattern, ioMemory, iovecs, nvme, suite, test, until } from '../lib/index.ts';
import {
  area,
  eachPathFaulty,
  failOnce,
  onMedium,
  putOnMedium,
  SHARED,
  setUp,
  WITH_METADATA,
  type WithMetadata,
  withMetadata,
} from './setup.ts';

const { hostPathError } = nvme.Status;
const PAGE = 4096;

suite('every form of a command', { devices: [SHARED] }, () => {
  test('vectored: the vector need not be there any more when the command is retried', async (t) => {
    const bench = await setUp(t);
    const { device, char, ring } = bench;
    const order = [4, 0, 5, 2, 1, 3];
    const where = area(device, (order.length * PAGE) / device.blockSize);
    const memory = ioMemory(t, order.length * PAGE, 70);
    const content = memory.bytes.slice();
    const parts = order.map((page) => ({ address: memory.address + BigInt(page * PAGE), length: PAGE }));
    const gathered = Buffer.concat(order.map((page) => content.slice(page * PAGE, (page + 1) * PAGE)));
    const run = async (kind: 'read' | 'write') => {
      const list = t.use(iovecs(parts));
      const command = { ...nvme.transfer(kind, device, where, list), dataLength: order.length };
      ring.passthrough({ fd: char.fd, cmdOp: 'NVME_URING_CMD_IO_VEC', command });
      t.equal(ring.submit(), 1);
      list.bytes.fill(0xff);
      return (await ring.wait(1))[0]?.res;
    };
    await eachPathFaulty(t, bench, hostPathError, async () => t.equal(await run('write'), 0, 'write'));
    t.bytes(onMedium(t, device, where), gathered, 'gathered');
    await eachPathFaulty(t, bench, hostPathError, async () => {
      memory.bytes.fill(0);
      t.equal(await run('read'), 0, 'read');
      t.bytes(memory.bytes, content, 'scattered');
    });
  });

  test('registered buffers', async (t) => {
    const bench = await setUp(t);
    const { device, char, ring } = bench;
    const where = area(device, 32);
    const length = where.blocks * device.blockSize;
    const [source, target] = [ioMemory(t, length * 3, 80), ioMemory(t, length * 3, 81)];
    ring.registerBuffers([source, target]);
    const expected = target.bytes.slice();
    expected.set(source.bytes.slice(length, 2 * length), length);
    const run = (kind: 'read' | 'write', bufIndex: number) => {
      const memory = bufIndex === 0 ? source : target;
      const command = nvme.transfer(kind, device, where, memory, { offset: length });
      return ring.execute({ fd: char.fd, command, bufIndex });
    };
    await eachPathFaulty(t, bench, hostPathError, async () =>
      t.equal((await run('write', 0)).res, 0, 'write'),
    );
    await eachPathFaulty(t, bench, hostPathError, async () => {
      target.bytes.fill(0, length, 2 * length);
      t.equal((await run('read', 1)).res, 0, 'read');
      t.bytes(target.bytes, expected, 'this part of the buffer and nothing else');
    });
  });

  test('buffers that the kernel bounces: only their own bytes change', async (t) => {
    const bench = await setUp(t);
    const { device, char, ring } = bench;
    const where = area(device, 9);
    const length = where.blocks * device.blockSize;
    const source = ioMemory(t, length, 90);
    putOnMedium(t, device, where, source);
    for (const offset of [1, PAGE - 3])
      await eachPathFaulty(t, bench, hostPathError, async () => {
        const memory = ioMemory(t, length + 2 * PAGE, 91);
        const expected = memory.bytes.slice();
        expected.set(source.bytes, offset);
        const command = nvme.transfer('read', device, where, memory, { offset });
        t.equal((await ring.execute({ fd: char.fd, command })).res, 0, `offset ${offset}`);
        t.bytes(memory.bytes, expected, `read to offset ${offset}`);
      });
  });

  test('the largest transfer', async (t) => {
    const bench = await setUp(t);
    const { device, io } = bench;
    const bytes = device.info.maxTransferBytes || 512 << 10;
    const where = area(device, bytes / device.blockSize);
    const memory = ioMemory(t, bytes, 100);
    await eachPathFaulty(t, bench, hostPathError, async () =>
      t.equal((await io('write', where, memory)).res, 0),
    );
    t.bytes(onMedium(t, device, where), memory.bytes);
  });

  test('the SQE may be overwritten before the retry', async (t) => {
    const bench = await setUp(t);
    const { device, char, ring } = bench;
    const where = area(device, 8);
    const memory = ioMemory(t, where.blocks * device.blockSize, 110);
    await eachPathFaulty(t, bench, hostPathError, async () => {
      const sqe = ring.passthrough({ fd: char.fd, command: nvme.transfer('write', device, where, memory) });
      t.equal(ring.submit(), 1);
      new Uint8Array(sqe.buffer, sqe.byteOffset, sqe.byteLength).fill(0xff);
      t.equal((await ring.wait(1))[0]?.res, 0);
    });
    t.bytes(onMedium(t, device, where), memory.bytes);
  });

  test('a ring that polls', async (t) => {
    const bench = await setUp(t, SHARED, { flags: ['IORING_SETUP_IOPOLL'] });
    const { device, char, ring } = bench;
    const where = area(device, 8);
    const memory = ioMemory(t, where.blocks * device.blockSize, 120);
    await eachPathFaulty(t, bench, hostPathError, async () => {
      const command = nvme.transfer('write', device, where, memory);
      t.equal((await ring.execute({ fd: char.fd, command })).res, 0);
    });
    t.bytes(onMedium(t, device, where), memory.bytes);
  });
});

suite('metadata', { devices: [WITH_METADATA] }, () => {
  test('metadata goes with a write to the other path', async (t) => {
    const bench = await setUp(t, WITH_METADATA);
    const { char, ring } = bench;
    const rounds: { where: nvme.Span; written: WithMetadata }[] = [];
    await eachPathFaulty(t, bench, hostPathError, async () => {
      // An area for each round: the round that meets no fault must not fix what the other left.
      const where = area(bench.device, 32);
      const written = withMetadata(t, bench, 'write', where, 130 + 2 * rounds.length);
      t.equal((await ring.execute({ fd: char.fd, command: written.command })).res, 0, 'write');
      rounds.push({ where, written });
    });
    for (const { where, written } of rounds) {
      const read = withMetadata(t, bench, 'read', where, 140);
      t.equal((await ring.execute({ fd: char.fd, command: read.command })).res, 0, 'read without a fault');
      t.bytes(read.data.bytes, written.data.bytes, 'data');
      t.bytes(read.metadata.bytes, written.metadata.bytes, 'metadata');
    }
  });

  test('metadata comes with a read from the other path', async (t) => {
    // On this ring nothing is retried before the test asks for completions.
    const deferred = ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN'];
    const bench = await setUp(t, WITH_METADATA, { flags: deferred });
    const { char, ring } = bench;
    const where = area(bench.device, 32);
    const written = withMetadata(t, bench, 'write', where, 150);
    t.equal((await ring.execute({ fd: char.fd, command: written.command })).res, 0, 'write without a fault');
    const read = withMetadata(t, bench, 'read', where, 152);
    const faults = failOnce(t, bench, hostPathError);
    ring.passthrough({ fd: char.fd, command: read.command });
    t.equal(ring.submit(), 1);
    await until('a first try that failed', () => faults.some(({ left }) => left === 0));
    for (const fault of faults) fault[Symbol.dispose]();
    // An injected fault strikes after the transfer: what the first try brought must not pass for the second's.
    fillPattern(read.data.bytes, 154);
    fillPattern(read.metadata.bytes, 155);
    t.equal((await ring.wait(1))[0]?.res, 0, 'read');
    t.bytes(read.data.bytes, written.data.bytes, 'data');
    t.bytes(read.metadata.bytes, written.metadata.bytes, 'metadata');
  });
});
