import { slabMark, suite, test } from '../lib/index.ts';
import { assertDrained } from './assert-drained.ts';
import { collect } from './collect.ts';
import { dirtyRequests, fixture, flagged, KINDS, unprepared } from './dirty.ts';
import { completions, completionsByTag, GroupRing, nop, range } from './groups.ts';

const MEMBERS = 6;
const SUBMIT_ALL = { flags: ['IORING_SETUP_SUBMIT_ALL'] };
/** The flags for which a group is refused, one after the other by position. */
const REFUSED = ['IOSQE_IO_LINK', 'IOSQE_IO_HARDLINK', 'IOSQE_IO_DRAIN'];

suite('members that are never issued', { class: 'contract' }, () => {
  for (const [kind, sqe] of Object.entries(KINDS))
    for (const how of ['prepared', 'not prepared'] as const)
      test(`a group refused for any one of ${MEMBERS} ${kind} members, ${how}, has one CQE, and what is drained after it completes`, async (t) => {
        const fixed = await fixture(t);
        const groupRing = new GroupRing(t, SUBMIT_ALL);
        for (const position of range(1, MEMBERS)) {
          await dirtyRequests(groupRing, fixed);
          const members = range(1, MEMBERS).map((index) => {
            const plain = how === 'prepared' ? sqe(fixed, 1 + index) : unprepared(sqe(fixed, 1 + index));
            return index === position ? flagged(plain, REFUSED[position % 3] ?? '') : plain;
          });
          groupRing.writeGroup(nop(1), ...members);
          const where = `the group refused for member ${position}`;
          t.same(completions(await collect(groupRing, 1)), ['1:-EINVAL'], `completions of ${where}`);
          await assertDrained(t, groupRing, where);
        }
      });

  for (const [kind, sqe] of Object.entries(KINDS))
    test(`a ${kind} member that is not prepared fails with EINVAL, without flags, and the rest of its group with ECANCELED`, {
      class: 'choice',
    }, async (t) => {
      const fixed = await fixture(t);
      const groupRing = new GroupRing(t, SUBMIT_ALL);
      for (const position of range(1, MEMBERS)) {
        await dirtyRequests(groupRing, fixed);
        const members = range(1, MEMBERS).map((index) =>
          index === position ? unprepared(sqe(fixed, 1 + index)) : nop(1 + index),
        );
        groupRing.writeGroup(nop(1), ...members);
        const cqes = await collect(groupRing, 1 + MEMBERS);
        t.same(
          completionsByTag(cqes),
          range(1, 1 + MEMBERS).map((tag) => `${tag}:-${tag === 1 + position ? 'EINVAL' : 'ECANCELED'}`),
          `completions of the group whose member ${position} is not prepared`,
        );
        const flags = cqes.find(({ tag }) => tag === 1 + position)?.flags;
        t.equal(flags, 0, `CQE flags of member ${position}, which is not prepared`);
        await assertDrained(t, groupRing, 'the group');
      }
    });

  test('three hundred refused groups of opens with long paths leak no slab memory', async (t) => {
    const fixed = await fixture(t);
    const groupRing = new GroupRing(t, SUBMIT_ALL);
    const run = async (count: number) => {
      for (let group = 0; group < count; group++) {
        const opens = range(2, MEMBERS).map((tag) => KINDS.OPENAT?.(fixed, tag) ?? nop(tag));
        groupRing.writeGroup(nop(1), ...opens.slice(1), flagged(opens[0] ?? nop(2), 'IOSQE_IO_LINK'));
        await groupRing.submitAndWait(1);
      }
    };
    await run(20);
    const untilGrownBelow = slabMark();
    await run(300);
    // Each of the 1800 paths takes 4 KiB: if they leaked, 7200 kB.
    await untilGrownBelow(2000);
  });
});
