import { ioMemory, numbers, nvme, pattern, suite, test } from '../lib/index.ts';
import { allocateBlocks, readBlockDevice, setUp } from './setup.ts';

const BLOCKS = 1024;
const SLOTS = 16;
/** Blocks of each buffer: a strip of blocks and the largest offset fit. */
const BUFFER_BLOCKS = 128;

suite('under load', { devices: ['data'] }, () => {
  test('reads of random size, block and buffer offset return what was last written', async (t) => {
    const { device, char, ring } = setUp(t);
    const { blockSize } = device;
    const span = allocateBlocks(device, BLOCKS);
    const start = Number(span.lba);
    const next = numbers(t.lab.cell.seed);
    /** What the blocks should contain. */
    const contents = new Uint8Array(BLOCKS * blockSize);
    const zeroed = await ring.execute({ fd: char.fd, command: nvme.writeZeroes(device, span) });
    t.equal(zeroed.res, 0, 'CQE res of the initial write zeroes');
    const buffers = Array.from({ length: SLOTS }, () => ioMemory(t, BUFFER_BLOCKS * blockSize));
    for (let round = 0; round < 12; round++) {
      // The commands of a round use disjoint strips of blocks, so that the order in which they complete does not matter.
      const strip = BLOCKS / SLOTS;
      const jobs = buffers.map((memory, slot) => {
        const blocks = 1 + next(device.atMost(strip));
        const lba = slot * strip + next(strip - blocks + 1);
        const kind = next(3) === 0 ? ('read' as const) : ('write' as const);
        const offset = next(4) * 512;
        return { memory, slot, lba, blocks, kind, offset, seed: next(1 << 30) };
      });
      for (const { memory, slot, lba, blocks, kind, offset, seed } of jobs) {
        const part = memory.bytes.subarray(offset, offset + blocks * blockSize);
        part.set(pattern(part.length, seed));
        if (kind === 'write') contents.set(part, lba * blockSize);
        const command = nvme.transfer(kind, device, { lba: start + lba, blocks }, memory, { offset });
        ring.passthrough({ fd: char.fd, command, userData: slot });
      }
      t.same(
        (await ring.complete()).map(({ res }) => res),
        Array(SLOTS).fill(0),
        `CQE res of the commands of round ${round}`,
      );
      for (const { memory, lba, blocks, kind, offset } of jobs) {
        if (kind === 'write') continue;
        const expected = contents.subarray(lba * blockSize, (lba + blocks) * blockSize);
        t.bytes(
          memory.bytes.subarray(offset, offset + expected.length),
          expected,
          `blocks read from block ${start + lba} in round ${round}`,
        );
      }
    }
    t.bytes(readBlockDevice(t, device, span), contents, 'all blocks at the end');
  });
});
