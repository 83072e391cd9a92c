import {
  type Controller,
  type Device,
  fillPattern,
  ioMemory,
  nvme,
  suite,
  type Test,
  test,
  throttled,
  until,
} from '../lib/index.ts';
import { reached, roundRobin } from './paths.ts';
import { area, onMedium, putOnMedium, SHARED, setUp, submitReads } from './setup.ts';

const COUNT = 32;

/** Pulls a controller out; it is plugged in again at the test's end, and the namespace is reached through it then. */
async function pullOut(t: Test, { info }: Device, { id }: Controller): Promise<void> {
  const { host } = t.lab;
  if (!host.available) t.skip('needs the host to pull a controller out, and there is no host channel');
  await host.unplug(id, { abrupt: true });
  t.defer(async () => {
    await host.replug(id);
    await until(`${info.role} reached through ${id}`, () => reached(info, id));
  });
}

suite('a controller pulled out', { devices: [SHARED] }, () => {
  test('reads in flight on it are done on the other', async (t) => {
    const bench = await setUp(t);
    const { device, ring, paths } = bench;
    roundRobin(t);
    const where = area(device, COUNT * 8);
    const source = ioMemory(t, where.blocks * device.blockSize, 500);
    putOnMedium(t, device, where, source);
    const target = ioMemory(t, source.length, 501);
    const { lift } = await throttled(t, device, 10);
    submitReads(bench, where, target);
    await pullOut(t, device, paths[0]);
    await lift();
    const cqes = await ring.wait(COUNT, { timeoutMs: 20_000 });
    t.same(
      cqes.map(({ tag, res }) => [tag, res]).sort(([a = 0], [b = 0]) => a - b),
      Array.from({ length: COUNT }, (_, index) => [index, 0]),
    );
    t.bytes(target.bytes, source.bytes);
  });

  test('writes in flight on it are done on the other', async (t) => {
    const bench = await setUp(t);
    const { device, char, ring, paths } = bench;
    roundRobin(t);
    const where = area(device, COUNT * 8);
    const memory = ioMemory(t, where.blocks * device.blockSize);
    fillPattern(memory.bytes, 510);
    const { lift } = await throttled(t, device, 10);
    for (let index = 0; index < COUNT; index++) {
      const part = { lba: Number(where.lba) + index * 8, blocks: 8 };
      const command = nvme.transfer('write', device, part, memory, { offset: index * 8 * device.blockSize });
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    ring.submit();
    await pullOut(t, device, paths[1]);
    await lift();
    const cqes = await ring.wait(COUNT, { timeoutMs: 20_000 });
    t.same(
      cqes.map(({ res }) => res),
      Array(COUNT).fill(0),
    );
    t.bytes(onMedium(t, device, where), memory.bytes);
  });

  test('in flight on the last path: EIO', async (t) => {
    const bench = await setUp(t);
    const { char, device, ring, paths } = bench;
    await throttled(t, device, 4);
    const target = ioMemory(t, COUNT * 8 * device.blockSize);
    await pullOut(t, device, paths[0]);
    submitReads(bench, { lba: 0, blocks: COUNT * 8 }, target);
    await pullOut(t, device, paths[1]);
    t.defer(() => {
      // Before anything is plugged in again: an open file would keep the old head, and its number with it.
      ring.close();
      char.close();
    });
    await until('no controller', () => device.controllers.length === 0);
    const cqes = await ring.wait(COUNT, { timeoutMs: 20_000 });
    const done = cqes.filter(({ res }) => res === 0).length;
    // QEMU lets those that it has begun end, and most of them are answered still: but not all.
    t.ok(done < COUNT, 'all reads were done before the controller was gone');
    for (const cqe of cqes) if (cqe.res !== 0) t.errno(cqe, 'EIO');
    const late = await ring.execute({ fd: char.fd, command: nvme.flush(device) });
    t.errno(late, 'EIO', 'a command that comes later');
  });
});
