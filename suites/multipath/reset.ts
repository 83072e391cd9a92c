import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { detached, InjectedFault, ioMemory, nvme, suite, test, throttled, until } from '../lib/index.ts';
import { area, onMedium, putOnMedium, SHARED, setUp } from './setup.ts';

suite('a controller reset', { devices: [SHARED] }, () => {
  test('commands in flight on the only path wait for its reset, and are done then', async (t) => {
    const bench = await setUp(t);
    const { device, char, ring, paths } = bench;
    const where = area(device, 16 * 8);
    const source = ioMemory(t, where.blocks * device.blockSize, 400);
    putOnMedium(t, device, where, source);
    const away = detached(paths[0]);
    t.defer(away.comeBack);
    const { lift } = await throttled(t, device, 4);
    const target = ioMemory(t, source.length);
    for (let index = 0; index < 16; index++) {
      const part = { lba: Number(where.lba) + index * 8, blocks: 8 };
      const command = nvme.transfer('read', device, part, target, { offset: index * 8 * device.blockSize });
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    t.equal(ring.submit(), 16);
    const reset = writeFile(paths[1].resetFile, '1');
    await until('a reset under way', () => paths[1].state() !== 'live');
    await lift();
    await reset;
    const cqes = await ring.wait(16);
    t.same(
      cqes.map(({ tag, res }) => [tag, res]).sort(([a = 0], [b = 0]) => a - b),
      Array.from({ length: 16 }, (_, index) => [index, 0]),
    );
    t.bytes(target.bytes, source.bytes);
  });

  test('a reset that fails: what waited for it fails with EIO', async (t) => {
    const bench = await setUp(t);
    const { device, char, ring, paths } = bench;
    const [first, second] = paths;
    const away = detached(first);
    t.defer(away.comeBack);
    // Every admin command of the reset fails, so that the driver gives the controller up; it keeps the namespace.
    const fault = new InjectedFault(second.name, { status: 0x006, times: 1000, dontRetry: true });
    let over = false;
    const reset = writeFile(second.resetFile, '1')
      .catch(() => {})
      .finally(() => {
        over = true;
      });
    t.defer(async () => {
      await reset;
      fault[Symbol.dispose]();
      ring.close();
      char.close();
      detached(second).comeBack();
    });
    await until('a reset under way', () => second.state() !== 'live');
    const results: number[] = [];
    let sent = 0;
    while (sent < 8 || !over) {
      ring.passthrough({ fd: char.fd, command: nvme.flush(device) });
      sent += ring.submit();
      results.push(...ring.reap().map(({ res }) => res));
      await delay(5);
    }
    await reset;
    const rest = sent - results.length;
    if (rest > 0) results.push(...(await ring.wait(rest, { timeoutMs: 5000 })).map(({ res }) => res));
    t.same([...new Set(results)], [-t.uapi.constant('EIO')], `the results of ${sent} commands`);
  });

  test('commands sent while every controller resets are done, all of them', async (t) => {
    const { device, char, ring, paths } = await setUp(t);
    const where = area(device, 64);
    const memory = ioMemory(t, where.blocks * device.blockSize, 410);
    let sent = 0;
    let done = false;
    const results: number[] = [];
    const resets = Promise.all(paths.map(({ resetFile }) => writeFile(resetFile, '1'))).then(() => {
      done = true;
    });
    while (!done || sent < 64) {
      const index = sent++ % 64;
      const part = { lba: Number(where.lba) + index, blocks: 1 };
      const offset = index * device.blockSize;
      ring.passthrough({ fd: char.fd, command: nvme.transfer('write', device, part, memory, { offset }) });
      ring.submit();
      if (sent % 16 === 0) results.push(...(await ring.wait(16)).map(({ res }) => res));
    }
    await resets;
    const rest = sent - results.length;
    if (rest > 0) results.push(...(await ring.wait(rest)).map(({ res }) => res));
    t.same([...new Set(results)], [0], `the results of ${sent} writes`);
    t.bytes(onMedium(t, device, where), memory.bytes);
  });
});
