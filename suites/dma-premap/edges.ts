import { readFileSync, writeFileSync } from 'node:fs';
import { ioMemory, Memory, pattern, suite, type Test, test } from '../lib/index.ts';
import { Bench, mappedOver, NEEDS, PAGE } from './setup.ts';

const KIB = 1024;

/** Lengths, and offsets in the buffer, where lists, pages and commands begin or end. */
const EDGES = [512, 1024, PAGE - 512, PAGE, PAGE + 512, 2 * PAGE, 2 * PAGE + 512, 3 * PAGE];

function expected(before: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const whole = before.slice();
  whole.set(bytes, at);
  return whole;
}

suite('every byte where it belongs', NEEDS, () => {
  test('reads at all edges fill their own bytes and no others', async (t) => {
    const memory = ioMemory(t, 16 * PAGE);
    const medium = pattern(16 * PAGE, 11);
    const bench = mappedOver(t, [memory], medium);
    let count = 0;
    const used = await bench.used(async () => {
      for (const offset of [0, ...EDGES])
        for (const length of EDGES) {
          const position = (offset * 3) % (8 * PAGE);
          memory.bytes.set(pattern(memory.length, offset + length));
          const should = expected(memory.bytes, offset, medium.subarray(position, position + length));
          const cqe = await bench.io({ kind: 'read', offset, length, position });
          t.equal(cqe.res, length, `${length} bytes to offset ${offset}`);
          t.bytes(memory.bytes, should, `${length} bytes to offset ${offset}`);
          count++;
        }
    });
    t.equal(used, count, 'each command used the mapping');
  });

  test('writes at all edges change their own blocks and no others', async (t) => {
    const memory = ioMemory(t, 16 * PAGE);
    const bench = new Bench(t, [memory]);
    bench.map();
    let count = 0;
    const used = await bench.used(async () => {
      for (const offset of [0, ...EDGES])
        for (const length of EDGES) {
          const [position, seed] = [(offset * 5) % (8 * PAGE), offset * 7 + length];
          const before = pattern(16 * PAGE, seed + 1);
          bench.putOnMedium(0, before);
          memory.bytes.set(pattern(memory.length, seed));
          const should = expected(before, position, memory.bytes.subarray(offset, offset + length));
          const cqe = await bench.io({ kind: 'write', offset, length, position });
          t.equal(cqe.res, length, `${length} bytes from offset ${offset}`);
          t.bytes(bench.onMedium(0, 16 * PAGE), should, `${length} bytes from offset ${offset}`);
          t.bytes(memory.bytes, pattern(memory.length, seed), 'the buffer is as it was');
          count++;
        }
    });
    t.equal(used, count, 'each command used the mapping');
  });

  test('a buffer that does not start on a page', async (t) => {
    for (const skew of [512, 1536, PAGE - 512]) {
      const whole = ioMemory(t, 12 * PAGE, 21);
      // The registered part of it; the rest must stay as it is.
      const part = { address: whole.address + BigInt(skew), length: 9 * PAGE };
      const medium = pattern(9 * PAGE, 22);
      const bench = mappedOver(t, [part], medium);
      for (const offset of [0, 512, PAGE - skew, 2 * PAGE, 2 * PAGE + 512]) {
        const length = 6 * PAGE;
        const should = expected(whole.bytes, skew + offset, medium.subarray(0, length));
        t.equal((await bench.io({ kind: 'read', offset, length, position: 0 })).res, length);
        t.bytes(whole.bytes, should, `skew ${skew}, offset ${offset}`);
        const write = { kind: 'write' as const, offset: 1024, length, position: 32 * PAGE };
        t.equal((await bench.io(write)).res, length);
        t.bytes(
          bench.onMedium(32 * PAGE, length),
          whole.bytes.slice(skew + 1024, skew + 1024 + length),
          `written, skew ${skew}`,
        );
      }
      t.ok(bench.held.used >= 10, 'the mapping was used');
      bench.ring.close();
    }
  });

  test('transfers over the end of a list page', async (t) => {
    // A page of PRP entries leads 511 pages far, then to the next one.
    const memory = ioMemory(t, 4096 * KIB);
    const medium = pattern(512 * KIB, 31);
    const bench = mappedOver(t, [memory], medium);
    let count = 0;
    const used = await bench.used(async () => {
      for (const first of [505, 508, 509, 510, 511, 512, 1017, 1018, 1019, 1020, 1021])
        for (const pages of [1, 2, 3, 4, 5]) {
          if ((first + pages) * PAGE > memory.length) continue;
          // How much of the first and of the last page is left out.
          for (const [skew, short] of [
            [0, 0],
            [512, 0],
            [512, PAGE - 512],
          ] as const) {
            if (pages === 1 && short > 0) continue;
            await across(t, bench, memory, medium, { first, pages, skew, short });
            // Where one page is left at the end of a list page, a list chained ahead cannot be used: two commands the ordinary way.
            count += pages > 2 && (first + pages - 1) % 511 === 0 ? 0 : 2;
          }
        }
    });
    t.equal(used, count, 'commands that used the mapping');
  });
});

/** Fills the pool of 2 MiB pages, for as long as the test takes. */
function hugePages(t: Test, count: number): void {
  const pool = '/proc/sys/vm/nr_hugepages';
  writeFileSync(pool, `${count}`);
  t.defer(() => writeFileSync(pool, '0'));
  t.equal(Number(readFileSync(pool, 'utf8')), count, 'huge pages in the pool');
}

suite('large buffers', NEEDS, () => {
  for (const kind of ['private', 'transparent', 'hugetlb'] as const)
    test(`a buffer of many lists, of ${kind} memory`, async (t) => {
      // Where everything bounces no more than 4 MiB may be mapped.
      const size = t.lab.cell.facts.swiotlb ? 4096 * KIB : 8192 * KIB;
      if (kind === 'hugetlb') hugePages(t, size / (2 << 20));
      const memory = t.use(new Memory(size, kind));
      memory.bytes.set(pattern(size, 41));
      const medium = pattern(768 * KIB, 42);
      const bench = mappedOver(t, [memory], medium);
      const image = memory.bytes.slice();
      const used = await bench.used(async () => {
        for (const middle of [0, 512, 1024, 2048, 3072, size / KIB].map((at) => at * KIB))
          for (const length of [PAGE, 64 * KIB + 512, 512 * KIB, 768 * KIB]) {
            const offset = Math.max(0, Math.min(size - length, middle - length / 2 - ((length / 2) % 512)));
            image.set(medium.subarray(0, length), offset);
            t.equal((await bench.io({ kind: 'read', offset, length, position: 0 })).res, length);
            t.bytes(memory.bytes, image, `${length} bytes to offset ${offset}`);
            const write = { kind: 'write' as const, offset, length, position: 1024 * KIB };
            t.equal((await bench.io(write)).res, length);
            t.bytes(bench.onMedium(1024 * KIB, length), image.subarray(offset, offset + length), 'written');
          }
      });
      t.ok(used >= 6 * 4 * 2, `${used} commands used the mapping, of 48 requests`);
    });
});

/** Reads and writes `pages` from `first` on, without the first `skew` and last `short` bytes, and looks at what is around too. */
async function across(
  t: Test,
  bench: Bench,
  memory: Memory,
  medium: Uint8Array,
  { first, pages, skew, short }: { first: number; pages: number; skew: number; short: number },
): Promise<void> {
  const what = `page ${first}, ${pages} pages, ${skew} in, ${short} short`;
  const from = (first - 2) * PAGE;
  const near = memory.bytes.subarray(from, Math.min(memory.length, (first + pages + 2) * PAGE));
  const [offset, length] = [first * PAGE + skew, pages * PAGE - skew - short];
  near.set(pattern(near.length, first + pages));
  const should = expected(near, offset - from, medium.subarray(0, length));
  t.equal((await bench.io({ kind: 'read', offset, length, position: 0 })).res, length, what);
  t.bytes(near, should, what);
  const position = 1024 * KIB;
  t.equal((await bench.io({ kind: 'write', offset, length, position })).res, length, what);
  t.bytes(bench.onMedium(position, length), should.slice(offset - from).subarray(0, length), what);
}
