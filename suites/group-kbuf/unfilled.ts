import { suite, type Test, test } from '../lib/index.ts';
import { ZERO_COPY } from '../lib/ublk/datapath.ts';
import { MIB, temporaryPath } from '../lib/ublk/fixtures.ts';
import { copyIn } from '../lib/ublk/strategy.ts';
import { fileTarget } from '../lib/ublk/target.ts';
import { member, type PendingRequest, patternFile, pendingRequest, results } from './pending.ts';

const LENGTH = 16 << 10;

/** Commits all of a read and asserts that the client's memory holds the filled parts, and zeroes elsewhere. */
async function assertFilled(
  t: Test,
  { request, memory, complete }: PendingRequest,
  filled: readonly { at: number; bytes: Uint8Array }[],
): Promise<void> {
  await complete();
  const expected = new Uint8Array(request.length);
  for (const { at, bytes } of filled) expected.set(bytes, at);
  t.bytes(memory.bytes, expected, 'client memory');
}

/** Parts that members fill, offset and length of each in bytes. The kernel tracks filled memory in blocks of 512 bytes. */
const PARTS: Record<string, readonly (readonly [number, number])[]> = {
  'the first page': [[0, 4096]],
  'a middle page': [[8192, 4096]],
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
  'adjacent parts of one block': [
    [100, 50],
    [150, 50],
    [200, 300],
    [500, 12],
  ],
  'adjacent parts that cross blocks': [
    [0, 1000],
    [1000, 1000],
    [2000, 5000],
    [7000, LENGTH - 7000],
  ],
  'two parts of one block with a gap between them': [
    [520, 10],
    [600, 10],
  ],
  nothing: [[0, 0]],
};

suite('memory that members do not fill', { ...ZERO_COPY.needs, class: 'safety' }, () => {
  for (const [name, parts] of Object.entries(PARTS))
    for (const flags of [[], ['IOSQE_ASYNC']])
      test(`after ${flags.length > 0 ? 'io-wq workers' : 'members'} fill ${name}, the rest of a client read is zero`, async (t) => {
        const pending = await pendingRequest(t, 'READ', LENGTH);
        const { file, bytes } = patternFile(t, LENGTH, parts.length);
        const members = parts.map(([at, length]) => ({ ...member('READ', file, at, length, at), flags }));
        const answered = await pending.port.group(pending.request, ...members);
        const expected = [0, ...parts.map(([, length]) => length)];
        t.same(results(answered), expected, 'CQE res of leader and members');
        await assertFilled(
          t,
          pending,
          parts.map(([at, length]) => ({ at, bytes: bytes.subarray(at, at + length) })),
        );
      });

  for (const length of [0, 1, 512, 700, 4096, 5000])
    test(`after a member reaches the end of its file at ${length} bytes, the rest of a client read is zero`, async (t) => {
      const pending = await pendingRequest(t, 'READ', LENGTH);
      const { file, bytes } = patternFile(t, Math.max(length, 1), 8);
      // A file of one byte, read from its end, gives 0 bytes.
      const off = length === 0 ? 1 : 0;
      const answered = await pending.port.group(pending.request, member('READ', file, 1024, 8192, off));
      t.same(results(answered), [0, length], 'CQE res of leader and member');
      await assertFilled(t, pending, [{ at: 1024, bytes: bytes.subarray(0, length) }]);
    });

  test('a client read is zero after a group whose only member is a NOP', async (t) => {
    const pending = await pendingRequest(t, 'READ', LENGTH);
    const answered = await pending.port.group(pending.request, { opcode: 'IORING_OP_NOP' });
    t.same(results(answered), [0, 0], 'CQE res of leader and NOP');
    await assertFilled(t, pending, []);
  });

  test('a client read is zero after a commit without any group', async (t) => {
    await assertFilled(t, await pendingRequest(t, 'READ', LENGTH), []);
  });

  test('a client read keeps the parts that two consecutive groups fill', async (t) => {
    const pending = await pendingRequest(t, 'READ', LENGTH);
    const { file, bytes } = patternFile(t, LENGTH, 9);
    const parts = [
      [0, 5000],
      [8000, 3000],
    ] as const;
    for (const [at, length] of parts) {
      const answered = await pending.port.group(pending.request, member('READ', file, at, length, at));
      t.same(results(answered), [0, length], `CQE res of leader and member of the group at ${at}`);
    }
    await assertFilled(
      t,
      pending,
      parts.map(([at, length]) => ({ at, bytes: bytes.subarray(at, at + length) })),
    );
  });

  test('a client read keeps the part that the server copies when a group fills the rest', async (t) => {
    const pending = await pendingRequest(t, 'READ', LENGTH);
    const { file, bytes } = patternFile(t, LENGTH, 10);
    const copied = copyIn(pending.request, pending.port, bytes.subarray(0, 8192));
    t.equal(copied, 8192, 'bytes that the server copies by pwrite()');
    const rest = LENGTH - 8192;
    const answered = await pending.port.group(pending.request, member('READ', file, 8192, rest, 8192));
    t.same(results(answered), [0, rest], 'CQE res of leader and member');
    await assertFilled(t, pending, [{ at: 0, bytes }]);
  });

  test('after a partial commit the kernel requests the remainder again, and no stale byte reaches the client', async (t) => {
    // The first commit opens the gate: the server answers the remainder from its target, an empty file.
    const pending = await pendingRequest(t, 'READ', LENGTH, { target: fileTarget(t, temporaryPath(t), MIB) });
    const { file, bytes } = patternFile(t, LENGTH, 11);
    const answered = await pending.port.group(pending.request, member('READ', file, 0, 4096, 0));
    t.same(results(answered), [0, 4096], 'CQE res of leader and member');
    pending.commit(8192);
    t.equal((await pending.completion).res, LENGTH, 'CQE res of the client read');
    const expected = new Uint8Array(LENGTH);
    expected.set(bytes.subarray(0, 4096));
    t.bytes(pending.memory.bytes, expected, 'client memory');
  });
});
