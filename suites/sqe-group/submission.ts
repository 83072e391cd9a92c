import { ioMemory, pipe, type SqeFields, suite, type Test, test } from '../lib/index.ts';
import { assertDrained } from './assert-drained.ts';
import { collect } from './collect.ts';
import { completionsByTag, GroupRing, nop, range } from './groups.ts';
import { leaveStale } from './stale.ts';

const ENTRIES = 8;
const STALE_TAG = 99;
/** An index that no slot of the ring has. */
const NO_SLOT = 0x7fff_ffff;

/** A read that would change the returned memory, with data to read: for a slot that the kernel must not look at. */
function staleRead(t: Test): { sqe: SqeFields; bytes: Uint8Array } {
  const { reader, feed } = pipe(t);
  feed();
  const { address, bytes } = ioMemory(t, 8, 1);
  return {
    sqe: { opcode: 'IORING_OP_READ', fd: reader, addr: address, len: 8, userData: STALE_TAG },
    bytes,
  };
}

/** How many SQEs are published but not taken by the kernel. Negative if the kernel took more than were published. */
const waiting = ({ ring }: GroupRing) => {
  const { sqHead, sqTail } = ring.indices();
  return (sqTail - sqHead) | 0;
};

suite('groups that a submission takes only a part of', { class: 'safety' }, () => {
  for (const taken of [1, 2, 3])
    test(`io_uring_enter that submits ${taken} of 4 SQEs of a group takes no more`, async (t) => {
      const groupRing = new GroupRing(t, { entries: ENTRIES });
      const { ring } = groupRing;
      const stale = staleRead(t);
      const untouched = stale.bytes.slice();
      leaveStale(t, groupRing, 5, stale.sqe);
      groupRing.writeGroup(...range(1, 4).map((tag) => nop(tag)));
      groupRing.write(nop(5));
      t.equal(ring.publish(), 5, 'SQEs published');
      t.equal(ring.enter(taken, 0, 0), taken, 'SQEs that the first call took');
      t.equal(waiting(groupRing), 5 - taken, 'SQEs that wait after the first call');
      const early = ring.reap();
      t.ok(
        early.every(({ tag }) => tag <= taken),
        `only requests that were submitted complete: ${completionsByTag(early).join(' ')}`,
      );
      t.equal(ring.enter(5 - taken, 0, 0), 5 - taken, 'SQEs that the second call took');
      t.equal(waiting(groupRing), 0, 'SQEs that wait after the second call');
      const all = [...early, ...(await collect(groupRing, 5 - early.length))];
      t.ok(
        all.some(({ tag, res }) => tag === 5 && res === 0),
        `the request behind the group completes: ${completionsByTag(all).join(' ')}`,
      );
      // What becomes of both parts of the group is a choice.
      t.choice(
        completionsByTag(all),
        range(1, 5).map((tag) => `${tag}:0`),
        'completions of both parts of the group and of the request behind it',
      );
      t.bytes(stale.bytes, untouched, 'memory of the stale SQE');
      await assertDrained(t, groupRing, 'the group');
    });

  for (const position of [1, 2, 3])
    test(`an invalid index in the SQ array in place of member ${position} is dropped, and no SQE behind the tail is executed`, async (t) => {
      const groupRing = new GroupRing(t, { entries: ENTRIES, flags: ['IORING_SETUP_SUBMIT_ALL'] });
      const { ring } = groupRing;
      const stale = staleRead(t);
      const untouched = stale.bytes.slice();
      leaveStale(t, groupRing, 5, stale.sqe);
      const array = new Uint32Array(ring.queues, ring.params.sq.array, ENTRIES);
      const dropped = new Uint32Array(ring.queues, ring.params.sq.dropped, 1);
      groupRing.writeGroup(...range(1, 4).map((tag) => nop(tag)));
      groupRing.write(nop(5));
      ring.publish();
      array[position] = NO_SLOT;
      // The kernel ends a submission at such an index; the rest is submitted again.
      for (let calls = 0; waiting(groupRing) > 0 && calls < 5; calls++) ring.enter(waiting(groupRing), 0, 0);
      array[position] = position;
      t.equal(waiting(groupRing), 0, 'SQEs that wait after the submissions');
      t.equal(dropped[0], 1, 'dropped entries of the SQ array');
      const cqes = await collect(groupRing, 4);
      const shown = completionsByTag(cqes).join(' ');
      t.equal(new Set(cqes.map(({ tag }) => tag)).size, cqes.length, `requests that completed, of ${shown}`);
      t.ok(
        cqes.every(({ tag }) => tag >= 1 && tag <= 5),
        `only requests that were published complete: ${shown}`,
      );
      t.ok(
        cqes.some(({ tag, res }) => tag === 5 && res === 0),
        `the request behind the group completes: ${shown}`,
      );
      t.choice(
        completionsByTag(cqes),
        [1, 2, 3, 4, 5].filter((tag) => tag !== position + 1).map((tag) => `${tag}:0`),
        'completions of the rest of the group and of the request behind it',
      );
      t.bytes(stale.bytes, untouched, 'memory of the stale SQE');
      await assertDrained(t, groupRing, 'the group');
    });
});
