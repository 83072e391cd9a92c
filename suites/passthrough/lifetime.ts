import { ioMemory, nvme, startChild, suite, type Test, test, throttled } from '../lib/index.ts';
import { area, type Bench, onMedium, putOnMedium, setUp } from './setup.ts';

/** The device still does what it is told, and in time. */
async function stillWorks(t: Test, { device, io }: Bench): Promise<void> {
  const where = area(device, 8);
  const memory = ioMemory(t, where.blocks * device.blockSize, 300);
  t.equal((await io('write', where, memory)).res, 0, 'a write afterwards');
  t.bytes(onMedium(t, device, where), memory.bytes, 'a write afterwards');
}

suite('ends in the middle', { devices: ['data'] }, () => {
  test('a process killed with commands in flight leaves nothing behind', async (t) => {
    const bench = setUp(t);
    const { device, char } = bench;
    const memory = ioMemory(t, 16 * 4096);
    const { lift } = await throttled(t, device, 10);
    const commands = Array.from({ length: 16 }, (_, index) => ({
      fd: char.fd,
      command: nvme.transfer('read', device, { lba: 8 * index, blocks: 8 }, memory, { offset: index * 4096 }),
    }));
    const victim = startChild(t, { commands });
    t.equal(await victim.submitted(), 16);
    victim.kill();
    t.same(await victim.wait(), { signal: 9 });
    await lift();
    await stillWorks(t, bench);
  });

  test('a ring closed with commands in flight leaves nothing behind', async (t) => {
    const bench = setUp(t);
    const { device } = bench;
    const { lift } = await throttled(t, device, 10);
    for (let round = 0; round < 3; round++) {
      const { ring, char } = setUp(t);
      const memory = ioMemory(t, 8 * 4096);
      for (let index = 0; index < 8; index++) {
        const command = nvme.transfer('read', device, { lba: 0, blocks: 8 }, memory, {
          offset: index * 4096,
        });
        ring.passthrough({ fd: char.fd, command });
      }
      t.equal(ring.submit(), 8);
      ring.close();
      char.close();
    }
    await lift();
    await stillWorks(t, bench);
  });

  test('commands of a thread that has exited complete with their data', async (t) => {
    const bench = setUp(t);
    const { device, char, ring } = bench;
    const where = area(device, 64);
    const source = ioMemory(t, where.blocks * device.blockSize, 301);
    putOnMedium(t, device, where, source);
    await throttled(t, device, 20);
    const target = ioMemory(t, source.length);
    for (let index = 0; index < 8; index++) {
      const part = { lba: Number(where.lba) + index * 8, blocks: 8 };
      const command = nvme.transfer('read', device, part, target, { offset: index * 8 * device.blockSize });
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    t.equal(ring.submitFromThread(), 8);
    t.ok(ring.indices().cqTail < 8, 'everything had completed before the thread was gone');
    const cqes = await ring.wait(8);
    t.same(
      cqes.map(({ res }) => res),
      Array(8).fill(0),
    );
    t.bytes(target.bytes, source.bytes);
  });

  test('memory given back while the device still writes to it is nobody else’s', async (t) => {
    const { device, char, ring } = setUp(t);
    await throttled(t, device, 10);
    const memory = ioMemory(t, 8 * 4096);
    for (let index = 0; index < 8; index++) {
      const command = nvme.transfer('read', device, { lba: 0, blocks: 8 }, memory, { offset: index * 4096 });
      ring.passthrough({ fd: char.fd, command });
    }
    t.equal(ring.submit(), 8);
    memory.release();
    // Memory is unmapped by its finalizer, a turn of the event loop later: then others may get its address.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const others = Array.from({ length: 8 }, (_, index) => ioMemory(t, 8 * 4096, 400 + index));
    const expected = others.map(({ bytes }) => bytes.slice());
    t.same(
      (await ring.wait(8)).map(({ res }) => res),
      Array(8).fill(0),
    );
    others.forEach(({ bytes }, index) => {
      t.bytes(bytes, expected[index] ?? new Uint8Array(), `neighbour ${index}`);
    });
  });
});
