import { flipFlags, groupMarking, suite, type Test, test } from '../lib/index.ts';
import { assertDrained } from './assert-drained.ts';
import { collect } from './collect.ts';
import { completionsByTag, GroupRing, nop } from './groups.ts';

const ROUNDS = 3000;
/** As many SQEs as the ring has slots, so that each round uses the same slots. */
const SIZE = 4;

/** What an SQE that is marked as part of a group has in its `flags`. */
function groupFlags(t: Test): number {
  const view = new DataView(new ArrayBuffer(t.uapi.size('io_uring_sqe')));
  groupMarking(t.uapi).mark(view);
  return view.getUint8(t.uapi.field('io_uring_sqe', 'flags').offset);
}

suite('SQEs whose flags are rewritten while they are submitted', { class: 'safety' }, () => {
  for (const [which, slots] of Object.entries({
    'the leader': [0],
    'a member': [1],
    'all but the last': [0, 1, 2],
  }))
    test(`each request has one CQE with res 0 when a thread flips the group flag of ${which}`, {
      timeoutMs: 60_000,
    }, async (t) => {
      const groupRing = new GroupRing(t, { entries: SIZE, cqEntries: 8 * SIZE });
      const expected = ['1:0', '2:0', '3:0', '4:0'];
      /** Orders of the CQEs: a leader's comes after those of its members. */
      const orders = new Set<string>();
      const flipper = flipFlags(t, groupRing.ring, [groupFlags(t), 0], slots);
      for (let round = 0; round < ROUNDS; round++) {
        groupRing.writeGroup(nop(1), nop(2), nop(3), nop(4));
        const cqes = await collect(groupRing, SIZE);
        t.same(completionsByTag(cqes), expected, `completions of round ${round}`);
        orders.add(cqes.map(({ tag }) => tag).join(' '));
      }
      t.note(`${flipper.stop()} flips in ${ROUNDS} rounds; orders ${[...orders].join(', ')}`);
      t.ok(orders.size > 1, `both values were seen: ${orders.size} orders of the CQEs`);
      await assertDrained(t, groupRing, 'the groups');
    });
});
