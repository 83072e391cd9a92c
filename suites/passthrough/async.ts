import { ioMemory, nvme, suite, test, throttled } from '../lib/index.ts';
import { area, onMedium, setUp } from './setup.ts';

suite('asynchrony', { devices: ['data'] }, () => {
  test('depths 1 to 128: every command completes once, with its own data', async (t) => {
    const { device, char, ring } = setUp(t, { entries: 128 });
    const blocks = 8;
    const length = blocks * device.blockSize;
    for (const depth of [1, 2, 4, 8, 16, 32, 64, 128]) {
      const where = area(device, depth * blocks);
      const [source, target] = [ioMemory(t, depth * length, depth), ioMemory(t, depth * length)];
      for (const [kind, memory] of [
        ['write', source],
        ['read', target],
      ] as const) {
        for (let index = 0; index < depth; index++) {
          const part = { lba: Number(where.lba) + index * blocks, blocks };
          const command = nvme.transfer(kind, device, part, memory, { offset: index * length });
          ring.passthrough({ fd: char.fd, command, userData: index });
        }
        const cqes = await ring.complete();
        t.same(
          cqes.map(({ tag, res }) => [tag, res]),
          Array.from({ length: depth }, (_, index) => [index, 0]),
          `${kind} at depth ${depth}`,
        );
      }
      t.bytes(target.bytes, source.bytes, `depth ${depth}`);
      t.bytes(onMedium(t, device, where), source.bytes, `depth ${depth} on the medium`);
      t.equal(ring.reap().length, 0, 'completions that nobody asked for');
    }
  });

  test('a slow device does not block the submitter', async (t) => {
    const { device, char, ring } = setUp(t);
    const count = 12;
    const memory = ioMemory(t, count * 4096);
    await throttled(t, device, 16);
    for (let index = 0; index < count; index++) {
      const command = nvme.transfer('read', device, { lba: 0, blocks: 8 }, memory, { offset: index * 4096 });
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    const started = performance.now();
    t.equal(ring.submit(), count);
    const submitMs = performance.now() - started;
    const early = ring.reap().length;
    await ring.wait(count - early);
    const totalMs = performance.now() - started;
    t.note(
      `submitted in ${submitMs.toFixed(1)} ms, ${early} done by then, all after ${totalMs.toFixed(0)} ms`,
    );
    t.ok(totalMs > 350, `the device was not slow: ${totalMs.toFixed(0)} ms for ${count} commands`);
    t.ok(submitMs < totalMs / 4, `submission took ${submitMs.toFixed(1)} of ${totalMs.toFixed(1)} ms`);
    t.ok(early < count / 2, `${early} of ${count} had completed when submission returned`);
  });

  for (const [name, flags] of [
    ['deferred task work', ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN']],
    ['cooperative task work', ['IORING_SETUP_COOP_TASKRUN', 'IORING_SETUP_TASKRUN_FLAG']],
    ['a submission thread in the kernel', ['IORING_SETUP_SQPOLL']],
  ] as const) {
    test(`commands complete on a ring with ${name}`, async (t) => {
      const { device, char, ring } = setUp(t, { flags });
      const blocks = 8;
      const where = area(device, 16 * blocks);
      const memory = ioMemory(t, where.blocks * device.blockSize, 7);
      for (let index = 0; index < 16; index++) {
        const part = { lba: Number(where.lba) + index * blocks, blocks };
        const command = nvme.transfer('write', device, part, memory, {
          offset: index * blocks * device.blockSize,
        });
        ring.passthrough({ fd: char.fd, command, userData: index });
      }
      const wakeUp = name.includes('thread') ? t.uapi.constant('IORING_ENTER_SQ_WAKEUP') : 0;
      t.equal(ring.enter(ring.publish(), 0, wakeUp), 16);
      t.same(
        (await ring.wait(16)).map(({ res }) => res),
        Array(16).fill(0),
      );
      t.bytes(onMedium(t, device, where), memory.bytes);
    });
  }

  test('a command in flight cannot be cancelled, and completes', async (t) => {
    const { device, char, ring } = setUp(t);
    await throttled(t, device, 16);
    const memory = ioMemory(t, 8 * 4096);
    for (let index = 1; index <= 8; index++)
      ring.passthrough({
        fd: char.fd,
        userData: index,
        command: nvme.transfer('read', device, { lba: 0, blocks: 8 }, memory, { offset: (index - 1) * 4096 }),
      });
    ring.sqe({ opcode: 'IORING_OP_ASYNC_CANCEL', addr: 8n, userData: 100 });
    t.equal(ring.submit(), 9);
    const cqes = await ring.wait(9);
    // Nothing that io_uring could take back: the request is the device's.
    t.errno(cqes.find(({ tag }) => tag === 100) ?? { res: 0 }, 'ENOENT');
    t.same(
      cqes.filter(({ tag }) => tag < 100).map(({ res }) => res),
      Array(8).fill(0),
    );
  });
});
