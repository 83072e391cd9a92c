import { ioMemory, type Memory, pattern, suite, test } from '../lib/index.ts';
import { commandCount, Fixture, mappedFixture, NEEDS, PAGE } from './fixture.ts';
import type { Usage } from './usage.ts';

const KIB = 1024;

/** Offsets in the buffer, or with the block size as `unit` lengths, at and around the boundaries of blocks and pages, bytes. */
function edges(unit: number): number[] {
  const all = [unit, 2 * unit, PAGE - unit, PAGE, PAGE + unit, 2 * PAGE, 2 * PAGE + unit, 3 * PAGE];
  return [...new Set(all)].filter((bytes) => bytes > 0);
}

/** A multiple of the block size near `bytes`. */
const wholeBlocks = (bytes: number, { device }: Fixture) => bytes - (bytes % device.blockSize);

/** A copy of `base` with `bytes` written at `at`. */
function overlaid(base: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const copy = base.slice();
  copy.set(bytes, at);
  return copy;
}

suite('data at the edges of pages and lists', { ...NEEDS, class: 'safety' }, () => {
  test('reads at page and sector edges fill the requested bytes and no others', async (t) => {
    const memory = ioMemory(t, 16 * PAGE);
    const medium = pattern(16 * PAGE, 11);
    const fixture = mappedFixture(t, [memory], medium);
    const usage = fixture.usage();
    let requests = 0;
    for (const offset of [0, ...edges(512)])
      for (const length of edges(fixture.device.blockSize)) {
        const position = wholeBlocks((offset * 3) % (8 * PAGE), fixture);
        memory.bytes.set(pattern(memory.length, offset + length));
        const expected = overlaid(memory.bytes, offset, medium.subarray(position, position + length));
        const cqe = await usage.count(() => fixture.io({ kind: 'read', offset, length, position }));
        const shape = `a read of ${length} bytes to offset ${offset}`;
        t.equal(cqe.res, length, `CQE res of ${shape}`);
        t.bytes(memory.bytes, expected, `buffer after ${shape}`);
        requests++;
      }
    usage.expect(requests, 'reads at page and sector edges');
  });

  test('writes at page and sector edges change the requested blocks and no others', async (t) => {
    const memory = ioMemory(t, 16 * PAGE);
    const fixture = new Fixture(t, [memory]);
    fixture.map();
    const usage = fixture.usage();
    let requests = 0;
    for (const offset of [0, ...edges(512)])
      for (const length of edges(fixture.device.blockSize)) {
        const position = wholeBlocks((offset * 5) % (8 * PAGE), fixture);
        const seed = offset * 7 + length;
        const before = pattern(16 * PAGE, seed + 1);
        fixture.writeMedium(0, before);
        memory.bytes.set(pattern(memory.length, seed));
        const expected = overlaid(before, position, memory.bytes.subarray(offset, offset + length));
        const cqe = await usage.count(() => fixture.io({ kind: 'write', offset, length, position }));
        const shape = `a write of ${length} bytes from offset ${offset}`;
        t.equal(cqe.res, length, `CQE res of ${shape}`);
        t.bytes(fixture.readMedium(0, 16 * PAGE), expected, `medium after ${shape}`);
        t.bytes(memory.bytes, pattern(memory.length, seed), `buffer after ${shape}`);
        requests++;
      }
    usage.expect(requests, 'writes at page and sector edges');
  });

  test('transfers of a buffer that does not start at a page boundary carry the right bytes', async (t) => {
    for (const skew of [512, 1536, PAGE - 512]) {
      const whole = ioMemory(t, 12 * PAGE, 21);
      // Only this part is registered; memory around it must not change.
      const part = whole.part(skew, 9 * PAGE);
      const medium = pattern(9 * PAGE, 22);
      const fixture = mappedFixture(t, [part], medium);
      const usage = fixture.usage();
      for (const offset of [0, 512, PAGE - skew, 2 * PAGE, 2 * PAGE + 512]) {
        const length = 6 * PAGE;
        const shape = `a buffer at byte ${skew} of its page, offset ${offset}`;
        const expected = overlaid(whole.bytes, skew + offset, medium.subarray(0, length));
        const read = await usage.count(() => fixture.io({ kind: 'read', offset, length, position: 0 }));
        t.equal(read.res, length, `CQE res of the read, ${shape}`);
        t.bytes(whole.bytes, expected, `memory after the read, ${shape}`);
        const write = { kind: 'write' as const, offset: 1024, length, position: 32 * PAGE };
        const { res } = await usage.count(() => fixture.io(write));
        t.equal(res, length, `CQE res of the write, ${shape}`);
        t.bytes(
          fixture.readMedium(32 * PAGE, length),
          whole.bytes.slice(skew + 1024, skew + 1024 + length),
          `medium after the write, ${shape}`,
        );
      }
      usage.expect({ least: 10 }, `10 transfers of a buffer at byte ${skew} of its page`);
      fixture.ring.close();
    }
  });

  test('transfers across the end of a PRP list page carry the right bytes', async (t) => {
    // A list page has 512 entries: 511 pages of data and the pointer to the next list page (NVMe Base 2.0 section 4.1.1).
    const memory = ioMemory(t, 4096 * KIB);
    const medium = pattern(512 * KIB, 31);
    const fixture = mappedFixture(t, [memory], medium);
    let expectedCommands = 0;
    let ordinary = 0;
    const usage = fixture.usage();
    for (const first of [505, 508, 509, 510, 511, 512, 1017, 1018, 1019, 1020, 1021])
      for (const pages of [1, 2, 3, 4, 5]) {
        if ((first + pages) * PAGE > memory.length) continue;
        // Bytes left out at the start of the first page and at the end of the last one: whole blocks together.
        for (const [skew, short] of [
          [0, 0],
          [512, 0],
          [512, PAGE - 512],
        ] as const) {
          const length = pages * PAGE - skew - short;
          if ((pages === 1 && short > 0) || length % fixture.device.blockSize !== 0) continue;
          // A split request would have other commands than are counted below.
          if (commandCount(fixture.device, length) > 1) continue;
          await transferPages(fixture, usage, memory, medium, { first, pages, skew, short });
          // If only the last page belongs to the next list page, a controller would take the chain pointer for its address:
          // neither the read nor the write can use the mapping.
          const isOrdinary = pages > 2 && (first + pages - 1) % 511 === 0;
          if (isOrdinary) ordinary += 2;
          else expectedCommands += 2;
        }
      }
    usage.expect(expectedCommands, 'transfers across the end of a PRP list page', { ordinary });
  });
});

/**
 * Reads and writes `pages` pages of the buffer from page `first` on, without the first `skew` and the last `short` bytes.
 * Asserts the data, and that up to two pages on each side do not change.
 */
async function transferPages(
  fixture: Fixture,
  usage: Usage,
  memory: Memory,
  medium: Uint8Array,
  { first, pages, skew, short }: { first: number; pages: number; skew: number; short: number },
): Promise<void> {
  const { t } = fixture;
  const shape = `${pages} pages from page ${first}, ${skew} bytes in, ${short} bytes short`;
  const from = (first - 2) * PAGE;
  const surroundings = memory.bytes.subarray(from, Math.min(memory.length, (first + pages + 2) * PAGE));
  const [offset, length] = [first * PAGE + skew, pages * PAGE - skew - short];
  surroundings.set(pattern(surroundings.length, first + pages));
  const expected = overlaid(surroundings, offset - from, medium.subarray(0, length));
  const read = await usage.count(() => fixture.io({ kind: 'read', offset, length, position: 0 }));
  t.equal(read.res, length, `CQE res of the read of ${shape}`);
  t.bytes(surroundings, expected, `buffer and surroundings after the read of ${shape}`);
  const position = 1024 * KIB;
  const write = await usage.count(() => fixture.io({ kind: 'write', offset, length, position }));
  t.equal(write.res, length, `CQE res of the write of ${shape}`);
  const written = expected.slice(offset - from).subarray(0, length);
  t.bytes(fixture.readMedium(position, length), written, `medium after the write of ${shape}`);
}
