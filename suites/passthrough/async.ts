import { ioMemory, nvme, suite, test, throttled } from '../lib/index.ts';
import { allocateBlocks, PAGE, readBlockDevice, setUp } from './setup.ts';

suite('asynchronous completion', { devices: ['data'] }, () => {
  test('at depths 1 to 128 every command completes once, with its own data', async (t) => {
    const { device, char, ring } = setUp(t, { entries: 128 });
    const blocks = device.blocksOf(PAGE);
    const length = blocks * device.blockSize;
    for (const depth of [1, 2, 4, 8, 16, 32, 64, 128]) {
      const span = allocateBlocks(device, depth * blocks);
      const [source, target] = [ioMemory(t, depth * length, depth), ioMemory(t, depth * length)];
      for (const [kind, memory] of [
        ['write', source],
        ['read', target],
      ] as const) {
        for (let index = 0; index < depth; index++) {
          const part = { lba: Number(span.lba) + index * blocks, blocks };
          const command = nvme.transfer(kind, device, part, memory, { offset: index * length });
          ring.passthrough({ fd: char.fd, command, userData: index });
        }
        const cqes = await ring.complete();
        t.same(
          cqes.map(({ tag, res }) => [tag, res]),
          Array.from({ length: depth }, (_, index) => [index, 0]),
          `tag and res of each ${kind} at depth ${depth}`,
        );
      }
      t.bytes(target.bytes, source.bytes, `memory after the reads at depth ${depth}`);
      t.bytes(readBlockDevice(t, device, span), source.bytes, `blocks written at depth ${depth}`);
      t.equal(ring.reap().length, 0, `further CQEs at depth ${depth}`);
    }
  });

  test('submission returns before a throttled device completes its commands', async (t) => {
    const { device, char, ring } = setUp(t);
    const count = 12;
    const memory = ioMemory(t, count * PAGE);
    const span = { lba: 0, blocks: device.blocksOf(PAGE) };
    const { lift } = await throttled(t, device, 1);
    for (let index = 0; index < count; index++) {
      const command = nvme.transfer('read', device, span, memory, { offset: index * PAGE });
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    t.equal(ring.submit(), count, 'SQEs submitted');
    const early = ring.reap();
    // A submission that waited for the device would take seconds and leave nothing in flight.
    t.ok(
      early.length < count / 2,
      `fewer than half of the commands complete before submission returns (${early.length} of ${count})`,
    );
    await lift();
    const cqes = [...early, ...(await ring.wait(count - early.length))];
    t.same(
      cqes.map(({ res }) => res),
      Array(count).fill(0),
      `CQE res of the ${count} reads`,
    );
  });

  for (const [name, flags] of [
    ['deferred task work', ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN']],
    ['cooperative task work', ['IORING_SETUP_COOP_TASKRUN', 'IORING_SETUP_TASKRUN_FLAG']],
    ['a kernel submission thread', ['IORING_SETUP_SQPOLL']],
  ] as const) {
    test(`commands on a ring with ${name} complete with their data`, async (t) => {
      const { device, char, ring } = setUp(t, { flags });
      const blocks = device.blocksOf(PAGE);
      const span = allocateBlocks(device, 16 * blocks);
      const memory = ioMemory(t, span.blocks * device.blockSize, 7);
      for (let index = 0; index < 16; index++) {
        const part = { lba: Number(span.lba) + index * blocks, blocks };
        const command = nvme.transfer('write', device, part, memory, {
          offset: index * blocks * device.blockSize,
        });
        ring.passthrough({ fd: char.fd, command, userData: index });
      }
      const wakeUp = name.includes('thread') ? t.uapi.constant('IORING_ENTER_SQ_WAKEUP') : 0;
      t.equal(ring.enter(ring.publish(), 0, wakeUp), 16, 'SQEs submitted');
      t.same(
        (await ring.wait(16)).map(({ res }) => res),
        Array(16).fill(0),
        'CQE res of the 16 writes',
      );
      t.bytes(readBlockDevice(t, device, span), memory.bytes, 'the written blocks');
    });
  }

  test('cancelling a command in flight fails with ENOENT, and the command completes', async (t) => {
    const { device, char, ring } = setUp(t);
    const { lift } = await throttled(t, device, 1);
    const memory = ioMemory(t, 8 * PAGE);
    const span = { lba: 0, blocks: device.blocksOf(PAGE) };
    for (let index = 1; index <= 8; index++)
      ring.passthrough({
        fd: char.fd,
        userData: index,
        command: nvme.transfer('read', device, span, memory, { offset: (index - 1) * PAGE }),
      });
    ring.sqe({ opcode: 'IORING_OP_ASYNC_CANCEL', addr: 8n, userData: 100 });
    t.equal(ring.submit(), 9, 'SQEs submitted');
    await lift();
    const cqes = await ring.wait(9);
    // io_uring finds no request that it could cancel: the device has the command.
    t.errno(cqes.find(({ tag }) => tag === 100) ?? { res: 0 }, 'ENOENT', 'CQE res of the cancel request');
    t.same(
      cqes.filter(({ tag }) => tag < 100).map(({ res }) => res),
      Array(8).fill(0),
      'CQE res of the 8 reads',
    );
  });
});
