import { ioMemory, numbers, pattern, suite, test } from '../lib/index.ts';
import { Bench, NEEDS, type Transfer } from './setup.ts';

const SECTOR = 512;
const STRIP = 1 << 20;

suite('under load', NEEDS, () => {
  for (const depth of [1, 8, 32, 128])
    test(`random transfers at depth ${depth}: buffers and medium are what a model says`, async (t) => {
      const next = numbers(t.lab.cell.seed + depth);
      t.note(`seed ${t.lab.cell.seed}`);
      // Bounce buffers are limited to 4 MiB in all.
      const sizes = [1 << 12, 1 << 16, 9 << 15, 1 << 20];
      const buffers = sizes.map((size, index) => ioMemory(t, size, index));
      const bench = new Bench(t, buffers, { entries: 256 });
      bench.map();
      const images = buffers.map(({ bytes }) => bytes.slice());
      const medium = pattern(STRIP * 8, 77);
      for (let at = 0; at < medium.length; at += STRIP)
        bench.putOnMedium(at, medium.subarray(at, at + STRIP));
      const used = bench.held.used;
      let commands = 0;
      for (let round = 0; round < Math.ceil(96 / depth); round++) {
        const jobs = plan(next, depth, sizes);
        for (const job of jobs) {
          bench.queue(job);
          const { kind, buffer = 0, offset = 0, length, position } = job;
          const [image, disk] = [images[buffer] ?? new Uint8Array(), medium];
          if (kind === 'write') disk.set(image.subarray(offset, offset + length), position);
          else image.set(disk.subarray(position, position + length), offset);
        }
        const cqes = await bench.ring.complete();
        t.same(
          cqes.map(({ res }) => res),
          jobs.map(({ length }) => length),
          `round ${round}`,
        );
        commands += jobs.length;
        buffers.forEach(({ bytes }, index) => {
          t.bytes(bytes, images[index] ?? new Uint8Array(), `round ${round}, buffer ${index}`);
        });
        // The CPU changes what the device wrote, next to what it may be writing.
        for (const [index, { bytes }] of buffers.entries()) {
          const at = next(bytes.length);
          bytes[at] = (bytes[at] ?? 0) ^ 0xff;
          const image = images[index];
          if (image) image[at] = bytes[at] ?? 0;
        }
      }
      for (let at = 0; at < medium.length; at += STRIP)
        t.bytes(bench.onMedium(at, STRIP), medium.subarray(at, at + STRIP), `medium from ${at}`);
      t.ok(bench.held.used - used >= commands, 'every command used a mapping, split ones several times');
    });
});

/** Transfers that do not touch each other, on the medium or in a buffer, so that their order does not matter. */
function plan(next: (below: number) => number, depth: number, sizes: readonly number[]): Transfer[] {
  const strip = (8 * STRIP) / depth;
  const jobs: Transfer[] = [];
  const taken = sizes.map(() => 0);
  for (let index = 0; index < depth; index++) {
    const buffer = next(sizes.length);
    const size = sizes[buffer] ?? SECTOR;
    const from = taken[buffer] ?? 0;
    const room = (size - from) / SECTOR;
    if (room < 1) continue;
    const sectors = 1 + next(Math.min(room, strip / SECTOR, depth === 1 ? 2048 : 256));
    const offset = from + next(room - sectors + 1) * SECTOR;
    taken[buffer] = offset + sectors * SECTOR;
    const length = sectors * SECTOR;
    const position = index * strip + next((strip - length) / SECTOR + 1) * SECTOR;
    const kind = next(2) === 0 ? ('read' as const) : ('write' as const);
    jobs.push({ kind, buffer, offset, length, position, userData: jobs.length });
  }
  return jobs;
}
