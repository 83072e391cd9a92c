import { ioMemory, nvme, pattern, suite, test } from '../lib/index.ts';
import { allPaths, roundRobin } from './paths.ts';
import { area, onMedium, SHARED, setUp } from './setup.ts';

const SLOTS = 16;
const STRIP = 64;

/** A repeatable stream of numbers below 2^31 (Park and Miller's generator). */
function numbers(seed: number): (below: number) => number {
  let state = (seed % 2147483646) + 1;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

suite('under load', { devices: [SHARED] }, () => {
  test('a controller pulled out and plugged in again: everything read is what was last written', {
    timeoutMs: 60_000,
  }, async (t) => {
    const bench = await setUp(t);
    const { device, char, ring, paths } = bench;
    const { host } = t.lab;
    if (!host.available) t.skip('needs the host to pull a controller out, and there is no host channel');
    roundRobin(t);
    const { blockSize } = device;
    const where = area(device, SLOTS * STRIP);
    const next = numbers(t.lab.cell.seed);
    const medium = new Uint8Array(where.blocks * blockSize);
    const zero = await ring.execute({ fd: char.fd, command: nvme.writeZeroes(device, where) });
    t.equal(zero.res, 0, 'zeroes to start from');
    const buffers = Array.from({ length: SLOTS }, () => ioMemory(t, STRIP * blockSize));
    let over = false;
    const events = (async () => {
      for (const { id } of paths) {
        await host.unplug(id, { abrupt: true });
        await host.replug(id);
        await allPaths(t, device);
      }
    })().finally(() => {
      over = true;
    });
    let rounds = 0;
    for (; !over || rounds < 4; rounds++) {
      const jobs = buffers.map((memory, slot) => {
        const blocks = 1 + next(STRIP);
        const at = slot * STRIP + next(STRIP - blocks + 1);
        return { memory, slot, at, blocks, kind: next(2) === 0 ? ('read' as const) : ('write' as const) };
      });
      for (const { memory, slot, at, blocks, kind } of jobs) {
        const part = memory.bytes.subarray(0, blocks * blockSize);
        part.set(pattern(part.length, next(1 << 30)));
        if (kind === 'write') medium.set(part, at * blockSize);
        const command = nvme.transfer(kind, device, { lba: Number(where.lba) + at, blocks }, memory);
        ring.passthrough({ fd: char.fd, command, userData: slot });
      }
      const results = (await ring.complete({ timeoutMs: 20_000 })).map(({ res }) => res);
      t.same(results, Array(SLOTS).fill(0), `round ${rounds}`);
      for (const { memory, at, blocks, kind } of jobs) {
        if (kind === 'write') continue;
        const expected = medium.subarray(at * blockSize, (at + blocks) * blockSize);
        t.bytes(memory.bytes.subarray(0, expected.length), expected, `round ${rounds}, block ${at}`);
      }
    }
    await events;
    t.note(`${rounds * SLOTS} commands`);
    t.bytes(onMedium(t, device, where), medium, 'the medium at the end');
  });
});
