import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { detached, InjectedFault, ioMemory, nvme, suite, test, throttled, until } from '../lib/index.ts';
import {
  allocateSpan,
  allSucceeded,
  onMedium,
  openFixture,
  PAGE,
  pageOf,
  putOnMedium,
  resultsByTag,
  SHARED,
} from './setup.ts';

suite('a controller reset', { devices: [SHARED], class: 'contract' }, () => {
  test('reads in flight on the only path wait for the reset of its controller and succeed after it', async (t) => {
    const fixture = await openFixture(t);
    const { device, char, ring, paths } = fixture;
    const where = allocateSpan(device, 16 * device.blocksOf(PAGE));
    const source = ioMemory(t, where.blocks * device.blockSize, 400);
    putOnMedium(t, device, where, source);
    const detachedFirst = detached(paths[0]);
    t.defer(detachedFirst.comeBack);
    const { lift } = await throttled(t, device, 4);
    const target = ioMemory(t, source.length);
    for (let index = 0; index < 16; index++) {
      const [part, place] = pageOf(device, where, index);
      const command = nvme.transfer('read', device, part, target, place);
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    t.equal(ring.submit(), 16, 'SQEs submitted');
    const reset = writeFile(paths[1].resetFile, '1');
    await until('the reset has begun', () => paths[1].state() !== 'live');
    await lift();
    await reset;
    t.same(resultsByTag(await ring.wait(16)), allSucceeded(16), 'results of the reads by tag');
    t.bytes(target.bytes, source.bytes, 'data read');
  });

  test('commands that wait for the reset of their controller fail with EIO when the reset fails', async (t) => {
    const fixture = await openFixture(t);
    const { device, char, ring, paths } = fixture;
    const [first, second] = paths;
    const detachedFirst = detached(first);
    t.defer(detachedFirst.comeBack);
    // Every admin command of the reset fails. The driver then marks the controller dead, but the namespace stays.
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
    await until('the reset has begun', () => second.state() !== 'live');
    const results: number[] = [];
    let sent = 0;
    while (sent < 8 || !over) {
      ring.passthrough({ fd: char.fd, command: nvme.flush(device) });
      sent += ring.submit();
      results.push(...ring.reap().map(({ res }) => res));
      await delay(5);
    }
    await reset;
    const outstanding = sent - results.length;
    if (outstanding > 0)
      results.push(...(await ring.wait(outstanding, { timeoutMs: 5000 })).map(({ res }) => res));
    t.same([...new Set(results)], [-t.uapi.constant('EIO')], `distinct CQE res of ${sent} flushes`);
  });

  test('writes sent while every controller resets all succeed', async (t) => {
    const { device, char, ring, paths } = await openFixture(t);
    const where = allocateSpan(device, 64);
    const memory = ioMemory(t, where.blocks * device.blockSize, 410);
    let sent = 0;
    let over = false;
    const results: number[] = [];
    const resets = Promise.all(paths.map(({ resetFile }) => writeFile(resetFile, '1'))).then(() => {
      over = true;
    });
    while (!over || sent < 64) {
      const index = sent++ % 64;
      const part = { lba: Number(where.lba) + index, blocks: 1 };
      const offset = index * device.blockSize;
      ring.passthrough({ fd: char.fd, command: nvme.transfer('write', device, part, memory, { offset }) });
      ring.submit();
      if (sent % 16 === 0) results.push(...(await ring.wait(16)).map(({ res }) => res));
    }
    await resets;
    const outstanding = sent - results.length;
    if (outstanding > 0) results.push(...(await ring.wait(outstanding)).map(({ res }) => res));
    t.same([...new Set(results)], [0], `distinct CQE res of ${sent} writes`);
    t.bytes(onMedium(t, device, where), memory.bytes, 'data on the medium');
  });
});
