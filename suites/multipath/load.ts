import { ioMemory, numbers, nvme, pattern, suite, test } from '../lib/index.ts';
import { allPaths, useRoundRobin } from './paths.ts';
import { allocateSpan, onMedium, openFixture, SHARED } from './setup.ts';

/** Commands in flight together, each in a strip of its own. */
const SLOTS = 16;
/** Blocks of a strip. */
const STRIP = 64;

suite('under load', { devices: [SHARED] }, () => {
  test('reads return what was last written while each controller is unplugged and replugged', {
    timeoutMs: 60_000,
  }, async (t) => {
    const { device, char, ring, paths } = await openFixture(t);
    const { host } = t.lab;
    if (!host.available) t.skip('needs the host to unplug a controller, and there is no host channel');
    useRoundRobin(t);
    const { blockSize } = device;
    const where = allocateSpan(device, SLOTS * STRIP);
    const next = numbers(t.lab.cell.seed);
    const medium = new Uint8Array(where.blocks * blockSize);
    const zeroes = await ring.execute({ fd: char.fd, command: nvme.writeZeroes(device, where) });
    t.equal(zeroes.res, 0, 'CQE res of Write Zeroes before the load');
    const buffers = Array.from({ length: SLOTS }, () => ioMemory(t, STRIP * blockSize));
    let over = false;
    const replugs = (async () => {
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
      const transfers = buffers.map((memory, slot) => {
        const blocks = 1 + next(STRIP);
        const start = slot * STRIP + next(STRIP - blocks + 1);
        const kind = next(2) === 0 ? ('read' as const) : ('write' as const);
        return { memory, slot, start, blocks, kind };
      });
      for (const { memory, slot, start, blocks, kind } of transfers) {
        const part = memory.bytes.subarray(0, blocks * blockSize);
        part.set(pattern(part.length, next(1 << 30)));
        if (kind === 'write') medium.set(part, start * blockSize);
        const command = nvme.transfer(kind, device, { lba: Number(where.lba) + start, blocks }, memory);
        ring.passthrough({ fd: char.fd, command, userData: slot });
      }
      const results = (await ring.complete({ timeoutMs: 20_000 })).map(({ res }) => res);
      t.same(results, Array(SLOTS).fill(0), `CQE res by slot in round ${rounds}`);
      for (const { memory, start, blocks, kind } of transfers) {
        if (kind === 'write') continue;
        const expected = medium.subarray(start * blockSize, (start + blocks) * blockSize);
        const data = memory.bytes.subarray(0, expected.length);
        t.bytes(data, expected, `data read from block ${start} in round ${rounds}`);
      }
    }
    await replugs;
    t.note(`${rounds * SLOTS} commands`);
    t.bytes(onMedium(t, device, where), medium, 'data on the medium after the load');
  });
});
