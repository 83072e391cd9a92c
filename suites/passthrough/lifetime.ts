import {
  fillPattern,
  ioMemory,
  Memory,
  nvme,
  startChild,
  suite,
  type Test,
  test,
  throttled,
} from '../lib/index.ts';
import { allocateBlocks, type Fixture, PAGE, readBlockDevice, setUp, writeBlockDevice } from './setup.ts';

/** Asserts that a write completes and reaches the device. */
async function assertWritable(t: Test, { device, io }: Fixture): Promise<void> {
  const span = allocateBlocks(device, device.blocksOf(PAGE));
  const memory = ioMemory(t, span.blocks * device.blockSize, 300);
  t.equal((await io('write', span, memory)).res, 0, 'CQE res of a write afterwards');
  t.bytes(readBlockDevice(t, device, span), memory.bytes, 'blocks written afterwards');
}

suite('processes, rings, threads and memory that end with commands in flight', { devices: ['data'] }, () => {
  test('after a process is killed with commands in flight the device works', async (t) => {
    const fixture = setUp(t);
    const { device, char } = fixture;
    const memory = ioMemory(t, 16 * PAGE);
    const blocks = device.blocksOf(PAGE);
    const { lift } = await throttled(t, device, 10);
    const commands = Array.from({ length: 16 }, (_, index) => ({
      fd: char.fd,
      command: nvme.transfer('read', device, { lba: blocks * index, blocks }, memory, {
        offset: index * PAGE,
      }),
    }));
    const child = startChild(t, { commands });
    t.equal(await child.submitted(), 16, 'SQEs that the child submitted');
    child.kill();
    t.same(await child.wait(), { signal: 9 }, 'exit status of the child');
    await lift();
    await assertWritable(t, fixture);
  });

  test('after a ring is closed with commands in flight the device works', async (t) => {
    const fixture = setUp(t);
    const { device } = fixture;
    const { lift } = await throttled(t, device, 10);
    for (let round = 0; round < 3; round++) {
      const { ring, char } = setUp(t);
      const memory = ioMemory(t, 8 * PAGE);
      const span = { lba: 0, blocks: device.blocksOf(PAGE) };
      for (let index = 0; index < 8; index++) {
        const command = nvme.transfer('read', device, span, memory, { offset: index * PAGE });
        ring.passthrough({ fd: char.fd, command });
      }
      t.equal(ring.submit(), 8, `SQEs submitted to ring ${round}`);
      ring.close();
      char.close();
    }
    await lift();
    await assertWritable(t, fixture);
  });

  test('commands of a thread that has exited complete with their data', async (t) => {
    const { device, char, ring } = setUp(t);
    const blocks = device.blocksOf(PAGE);
    const span = allocateBlocks(device, 8 * blocks);
    const source = ioMemory(t, span.blocks * device.blockSize, 301);
    writeBlockDevice(t, device, span, source);
    const { lift } = await throttled(t, device, 1);
    const target = ioMemory(t, source.length);
    for (let index = 0; index < 8; index++) {
      const part = { lba: Number(span.lba) + index * blocks, blocks };
      const command = nvme.transfer('read', device, part, target, {
        offset: index * blocks * device.blockSize,
      });
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    t.equal(ring.submitFromThread(), 8, 'SQEs that the thread submitted');
    const { cqTail } = ring.indices();
    t.ok(cqTail < 8, `some of the 8 commands are in flight when the thread has exited (${cqTail} completed)`);
    await lift();
    const cqes = await ring.wait(8);
    t.same(
      cqes.map(({ res }) => res),
      Array(8).fill(0),
      'CQE res of the 8 reads',
    );
    t.bytes(target.bytes, source.bytes, 'memory after the reads');
  });

  test('reads into memory that is unmapped in flight do not change memory mapped after it', async (t) => {
    const { device, char, ring } = setUp(t);
    await throttled(t, device, 10);
    const memory = t.use(new Memory(8 * PAGE, 'reused'));
    const span = { lba: 0, blocks: device.blocksOf(PAGE) };
    for (let index = 0; index < 8; index++) {
      const command = nvme.transfer('read', device, span, memory, { offset: index * PAGE });
      ring.passthrough({ fd: char.fd, command });
    }
    t.equal(ring.submit(), 8, 'SQEs submitted');
    memory.release();
    // The finalizer unmaps the memory one turn of the event loop later; only then can new mappings get its address.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const mappings = Array.from({ length: 8 }, (_, index) => {
      const mapping = t.use(new Memory(8 * PAGE, 'reused'));
      fillPattern(mapping.bytes, 400 + index);
      return mapping;
    });
    const expected = mappings.map(({ bytes }) => bytes.slice());
    t.same(
      (await ring.wait(8)).map(({ res }) => res),
      Array(8).fill(0),
      'CQE res of the 8 reads',
    );
    mappings.forEach(({ bytes }, index) => {
      t.bytes(bytes, expected[index] ?? new Uint8Array(), `mapping ${index} made after the unmapping`);
    });
  });
});
