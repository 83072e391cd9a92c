import { readFileSync } from 'node:fs';
import { type Device, Memory, pattern, suite, test } from '../lib/index.ts';
import { commandCount, mappedFixture, NEEDS, PAGE } from './fixture.ts';
import { queueFile, setPool } from './inflight.ts';

const MIB = 1 << 20;
/** Pages before and behind the registered memory, which must not change. */
const GUARD = 2 * PAGE;
/** Entries of the smallest request pool (block/blk.h, BLKDEV_MIN_RQ), and requests in flight at once. */
const [POOL, DEPTH] = [4, 48];

/** A limit of the device's request queue. */
const queueLimit = (device: Device, limit: string) => Number(readFileSync(queueFile(device, limit), 'utf8'));

/** Lengths at and around a boundary, in whole blocks. */
const around = (boundary: number, blockSize: number) =>
  [boundary - PAGE, boundary - blockSize, boundary, boundary + blockSize, boundary + PAGE].map(
    (length) => length - (length % blockSize),
  );

/** The boundaries that a driver may have: a command, its segments, a list of 512 entries (2 MiB). */
function boundaries(device: Device): number[] {
  const { maxTransferBytes } = device.info;
  const segments = queueLimit(device, 'max_segments') * PAGE;
  return [...new Set([PAGE, maxTransferBytes, segments, 2 * MIB])].filter(
    (bytes) => bytes > 0 && bytes <= 2 * MIB,
  );
}

suite('data at the boundaries of a driver', { ...NEEDS, class: 'safety' }, () => {
  for (const kind of ['scattered', 'transparent'] as const)
    test(`transfers of ${kind} memory at every limit of a command carry the right bytes and change nothing around`, async (t) => {
      const size = 3 * MIB;
      const memory = t.use(new Memory(size + 2 * GUARD, kind));
      memory.bytes.set(pattern(memory.length, 51));
      const image = memory.bytes.slice();
      const medium = pattern(size, 52);
      const fixture = mappedFixture(t, [memory.part(GUARD, size)], medium);
      const { blockSize } = fixture.device;
      const usage = fixture.usage();
      const lengths = boundaries(fixture.device).flatMap((boundary) => around(boundary, blockSize));
      let commands = 0;
      for (const length of new Set(lengths.filter((each) => each > 0 && each < size)))
        for (const offset of [0, 512, size - length]) {
          if (offset + length > size) continue;
          const shape = `${length} bytes at offset ${offset}`;
          const { res } = await usage.count(() => fixture.io({ kind: 'read', offset, length, position: 0 }));
          t.equal(res, length, `CQE res of the read of ${shape}`);
          image.set(medium.subarray(0, length), GUARD + offset);
          t.bytes(memory.bytes, image, `memory and its surroundings after the read of ${shape}`);
          const write = { kind: 'write' as const, offset, length, position: 4 * MIB };
          t.equal(
            (await usage.count(() => fixture.io(write))).res,
            length,
            `CQE res of the write of ${shape}`,
          );
          const written = image.subarray(GUARD + offset, GUARD + offset + length);
          t.bytes(fixture.readMedium(4 * MIB, length), written, `medium after the write of ${shape}`);
          commands += 2 * commandCount(fixture.device, length);
        }
      usage.expect({ least: commands / 4 }, 'transfers at every limit', { ordinary: commands });
    });

  test('reads that have to wait for a free request carry the right bytes', async (t) => {
    const memory = t.use(new Memory(DEPTH * PAGE));
    const medium = pattern(2 * DEPTH * PAGE, 53);
    const fixture = mappedFixture(t, [memory], medium);
    setPool(t, fixture.device, POOL);
    const order = Array.from({ length: DEPTH }, (_, page) => page);
    for (const flags of ['', 'IOSQE_ASYNC'] as const) {
      memory.bytes.fill(0xee);
      for (const page of order)
        fixture.queue({
          ...{ kind: 'read', length: PAGE, offset: page * PAGE, position: 2 * page * PAGE, userData: page },
          ...(flags ? { flags: [flags] } : {}),
        });
      const cqes = await fixture.ring.complete();
      const how = flags ? ' in io-wq workers' : '';
      t.same(new Set(cqes.map(({ res }) => res)), new Set([PAGE]), `distinct CQE res of the reads${how}`);
      for (const page of order) {
        const expected = medium.subarray(2 * page * PAGE, (2 * page + 1) * PAGE);
        t.bytes(memory.bytes.subarray(page * PAGE, (page + 1) * PAGE), expected, `page ${page}${how}`);
      }
    }
  });
});
