import { ioMemory, numbers, nvme, pattern, suite, test } from '../lib/index.ts';
import { area, onMedium, setUp } from './setup.ts';

const BLOCKS = 1024;
const SLOTS = 16;
const LONGEST = 128;

suite('under load', { devices: ['data'] }, () => {
  test('random sizes, places and buffers: everything read is what was last written', async (t) => {
    const { device, char, ring } = setUp(t);
    const { blockSize } = device;
    const where = area(device, BLOCKS);
    const start = Number(where.lba);
    const next = numbers(t.lab.cell.seed);
    const medium = new Uint8Array(BLOCKS * blockSize);
    const zero = await ring.execute({ fd: char.fd, command: nvme.writeZeroes(device, where) });
    t.equal(zero.res, 0);
    const buffers = Array.from({ length: SLOTS }, () => ioMemory(t, LONGEST * blockSize));
    for (let round = 0; round < 12; round++) {
      // Each command of a round has a strip of its own, so that the order in which they are done does not matter.
      const strip = BLOCKS / SLOTS;
      const jobs = buffers.map((memory, slot) => {
        const blocks = 1 + next(strip);
        const lba = slot * strip + next(strip - blocks + 1);
        const kind = next(3) === 0 ? ('read' as const) : ('write' as const);
        const offset = next(4) * 512;
        return { memory, slot, lba, blocks, kind, offset, seed: next(1 << 30) };
      });
      for (const { memory, slot, lba, blocks, kind, offset, seed } of jobs) {
        const part = memory.bytes.subarray(offset, offset + blocks * blockSize);
        part.set(pattern(part.length, seed));
        if (kind === 'write') medium.set(part, lba * blockSize);
        const command = nvme.transfer(kind, device, { lba: start + lba, blocks }, memory, { offset });
        ring.passthrough({ fd: char.fd, command, userData: slot });
      }
      t.same(
        (await ring.complete()).map(({ res }) => res),
        Array(SLOTS).fill(0),
        `round ${round}`,
      );
      for (const { memory, lba, blocks, kind, offset } of jobs) {
        if (kind === 'write') continue;
        const expected = medium.subarray(lba * blockSize, (lba + blocks) * blockSize);
        t.bytes(
          memory.bytes.subarray(offset, offset + expected.length),
          expected,
          `round ${round}, block ${lba}`,
        );
      }
    }
    t.bytes(onMedium(t, device, where), medium, 'the medium at the end');
  });
});
