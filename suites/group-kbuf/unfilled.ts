import { suite, type Test, test } from '../lib/index.ts';
import { MIB, temporary } from '../lib/ublk/setup.ts';
import { copyIn } from '../lib/ublk/strategy.ts';
import { fileTarget } from '../lib/ublk/target.ts';
import { LENDING } from '../lib/ublk/way.ts';
import { type InHand, inHand, member, results, source } from './hand.ts';

const LENGTH = 16 << 10;

/** Commits all of a read, and compares what the reader got: `filled` in front of zeroes, or at its places. */
async function seen(
  t: Test,
  hand: InHand,
  filled: readonly { at: number; bytes: Uint8Array }[],
): Promise<void> {
  hand.commit(hand.request.length);
  t.equal((await hand.under).res, hand.request.length);
  const expected = new Uint8Array(hand.request.length);
  for (const { at, bytes } of filled) expected.set(bytes, at);
  t.bytes(hand.memory.bytes, expected, 'what the reader got');
}

/** Parts that members fill: offset and length of each. Blocks are of 512 bytes. */
const PARTS: Record<string, readonly (readonly [number, number])[]> = {
  'the first page': [[0, 4096]],
  'a page in the middle': [[8192, 4096]],
  'the last block': [[LENGTH - 512, 512]],
  'every second block': [1, 3, 5, 7, 31].map((block) => [block * 512, 512] as const),
  'one byte': [[5000, 1]],
  'the ends of blocks': [
    [300, 212],
    [1024 + 500, 12],
  ],
  'the beginnings of blocks': [
    [512, 100],
    [1024, 1],
  ],
  'neighbours in one block': [
    [100, 50],
    [150, 50],
    [200, 300],
    [500, 12],
  ],
  'neighbours over blocks': [
    [0, 1000],
    [1000, 1000],
    [2000, 5000],
    [7000, LENGTH - 7000],
  ],
  'two in one block, with a gap': [
    [520, 10],
    [600, 10],
  ],
  nothing: [[0, 0]],
};

suite('what is not filled', LENDING.needs, () => {
  for (const [name, parts] of Object.entries(PARTS))
    for (const flags of [[], ['IOSQE_ASYNC']])
      test(`${name} is filled${flags.length > 0 ? ' by workers' : ''}: the rest is zero`, async (t) => {
        const hand = await inHand(t, 'READ', LENGTH);
        const { file, bytes } = source(t, LENGTH, parts.length);
        const members = parts.map(([at, length]) => ({ ...member('READ', file, at, length, at), flags }));
        t.same(results(await hand.port.group(hand.request, ...members)), [
          0,
          ...parts.map(([, length]) => length),
        ]);
        await seen(
          t,
          hand,
          parts.map(([at, length]) => ({ at, bytes: bytes.subarray(at, at + length) })),
        );
      });

  for (const length of [0, 1, 512, 700, 4096, 5000])
    test(`a file that ends after ${length} bytes`, async (t) => {
      const hand = await inHand(t, 'READ', LENGTH);
      const { file, bytes } = source(t, Math.max(length, 1), 8);
      const off = length === 0 ? 1 : 0;
      const answered = await hand.port.group(hand.request, member('READ', file, 1024, 8192, off));
      t.same(results(answered), [0, length]);
      await seen(t, hand, [{ at: 1024, bytes: bytes.subarray(0, length) }]);
    });

  test('nothing, by a group that does something else', async (t) => {
    const hand = await inHand(t, 'READ', LENGTH);
    t.same(results(await hand.port.group(hand.request, { opcode: 'IORING_OP_NOP' })), [0, 0]);
    await seen(t, hand, []);
  });

  test('nothing, by a server that says it has read', async (t) => {
    await seen(t, await inHand(t, 'READ', LENGTH), []);
  });

  test('two groups, one after the other: both have filled their parts', async (t) => {
    const hand = await inHand(t, 'READ', LENGTH);
    const { file, bytes } = source(t, LENGTH, 9);
    const parts = [
      [0, 5000],
      [8000, 3000],
    ] as const;
    for (const [at, length] of parts)
      t.same(results(await hand.port.group(hand.request, member('READ', file, at, length, at))), [0, length]);
    await seen(
      t,
      hand,
      parts.map(([at, length]) => ({ at, bytes: bytes.subarray(at, at + length) })),
    );
  });

  test('the server copies a part, and a group fills another', async (t) => {
    const hand = await inHand(t, 'READ', LENGTH);
    const { file, bytes } = source(t, LENGTH, 10);
    t.equal(copyIn(hand.request, hand.port, bytes.subarray(0, 8192)), 8192);
    const rest = LENGTH - 8192;
    t.same(results(await hand.port.group(hand.request, member('READ', file, 8192, rest, 8192))), [0, rest]);
    await seen(t, hand, [{ at: 0, bytes }]);
  });

  test('a part of the result: what is asked for again is not what was there before', async (t) => {
    // The gate is open after the first commit: the rest is read from the server's own file.
    const hand = await inHand(t, 'READ', LENGTH, { target: fileTarget(t, temporary(t), MIB) });
    const { file, bytes } = source(t, LENGTH, 11);
    t.same(results(await hand.port.group(hand.request, member('READ', file, 0, 4096, 0))), [0, 4096]);
    hand.commit(8192);
    t.equal((await hand.under).res, LENGTH);
    const expected = new Uint8Array(LENGTH);
    expected.set(bytes.subarray(0, 4096));
    t.bytes(hand.memory.bytes, expected);
  });
});
