import {
  groupMarking,
  ioMemory,
  pipe,
  type SqeFields,
  suite,
  type Test,
  test,
  writeSqe,
} from '../lib/index.ts';
import { assertDrained } from './assert-drained.ts';
import { collect } from './collect.ts';
import { completions, completionsByTag, GroupRing, nop, RING_KINDS, range } from './groups.ts';

const ENTRIES = 8;
const STALE_TAG = 99;
const SIZE = 3;

/** What a stale slot holds: an SQE that would continue the group, end it, or be refused as a member of it. */
const STALE = {
  'the group flag': { more: true },
  'no flag': {},
  IOSQE_IO_LINK: { flags: ['IOSQE_IO_LINK'] },
  IOSQE_IO_DRAIN: { flags: ['IOSQE_IO_DRAIN'] },
} satisfies Record<string, { flags?: string[]; more?: boolean }>;

/**
 * Writes an SQE into the slot that is `ahead` slots behind the tail of the submission queue, as an earlier turn of the queue leaves
 * it: the kernel must not look at it before the tail has passed it.
 */
export function leaveStale(t: Test, { ring }: GroupRing, ahead: number, sqe: SqeFields, more = false): void {
  const slot = (ring.indices().sqTail + ahead) % ENTRIES;
  const view = new DataView(ring.sqes, slot * ring.sqeSize, ring.sqeSize);
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength).fill(0);
  writeSqe(view, t.uapi, sqe);
  if (more) groupMarking(t.uapi).mark(view);
}

suite('slots behind the end of a submission', { class: 'safety' }, () => {
  for (const [kind, setup] of Object.entries(RING_KINDS))
    for (const [what, stale] of Object.entries(STALE))
      test(`${kind}: a cut-off group neither executes nor counts a stale SQE with ${what} in the slot behind it`, async (t) => {
        const { flags = [], more = false }: { flags?: string[]; more?: boolean } = stale;
        const groupRing = new GroupRing(t, { flags: setup, entries: ENTRIES });
        const { reader, feed } = pipe(t);
        feed();
        // A stale read would change this memory even if its CQE got lost.
        const memory = ioMemory(t, 8, 1);
        const untouched = memory.bytes.slice();
        const sqe = {
          opcode: 'IORING_OP_READ',
          fd: reader,
          addr: memory.address,
          len: 8,
          userData: STALE_TAG,
        };
        // Each turn cuts the group off at another slot, the last of the ring included.
        for (const turn of range(0, ENTRIES)) {
          leaveStale(t, groupRing, SIZE, { ...sqe, flags }, more);
          groupRing.writeCutOffGroup(...range(1, SIZE).map((tag) => nop(tag)));
          const cqes = await collect(groupRing, SIZE);
          // What becomes of a group that is cut off is a choice.
          const expected = ['1:0', '2:0', '3:0'];
          const isAsOurs = t.choice(
            completionsByTag(cqes),
            expected,
            'completions of a group that is cut off',
          );
          t.ok(
            cqes.every(({ tag }) => tag !== STALE_TAG),
            `no completion of the stale SQE in turn ${turn}`,
          );
          t.same(completions(groupRing.ring.reap()), [], `further completions in turn ${turn}`);
          const { sqHead, sqTail } = groupRing.ring.indices();
          t.equal(sqHead, sqTail, `head of the submission queue in turn ${turn}, which is its tail`);
          t.bytes(memory.bytes, untouched, `memory of the stale SQE in turn ${turn}`);
          // Each wait for CQEs that do not come takes seconds.
          if (!isAsOurs) break;
        }
        await assertDrained(t, groupRing, 'the groups');
      });
});
