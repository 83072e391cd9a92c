import { pipe, suite, test } from '../lib/index.ts';
import { assertDrained } from './assert-drained.ts';
import { collect } from './collect.ts';
import {
  badFile,
  badOpcode,
  completions,
  GroupRing,
  nop,
  pipeRead,
  range,
  withFailedMembers,
} from './groups.ts';

const DRAIN = { flags: ['IOSQE_IO_DRAIN'] };
const SUBMIT_ALL = { flags: ['IORING_SETUP_SUBMIT_ALL'] };
const CANCELED = '-ECANCELED';

suite('drained leaders', { class: 'contract' }, () => {
  test('a drained leader without members waits for the request before it', { class: 'choice' }, async (t) => {
    const groupRing = new GroupRing(t);
    const source = pipe(t);
    groupRing.write(pipeRead(t, source, 1));
    groupRing.writeCutOffGroup(nop(2, DRAIN));
    groupRing.submit();
    t.same(completions(groupRing.ring.reap()), [], 'completions while the read waits');
    source.feed();
    t.same(
      completions(await collect(groupRing, 2)),
      ['1:1', '2:0'],
      'completions of the read and the leader',
    );
    await assertDrained(t, groupRing, 'the group');
  });

  test('a drained group that is cut off waits, and the next submission waits for it', {
    class: 'choice',
  }, async (t) => {
    const groupRing = new GroupRing(t);
    const source = pipe(t);
    groupRing.write(pipeRead(t, source, 1));
    groupRing.writeCutOffGroup(nop(2, DRAIN), nop(3), nop(4));
    groupRing.submit();
    groupRing.write(nop(5, DRAIN));
    groupRing.submit();
    t.same(completions(groupRing.ring.reap()), [], 'completions while the read waits');
    source.feed();
    const order = completions(await collect(groupRing, 5));
    t.equal(order[0], '1:1', `first of the completions ${order.join(' ')}`);
    t.same(order.slice(3), ['2:0', '5:0'], `last two of the completions ${order.join(' ')}`);
    await assertDrained(t, groupRing, 'the group');
  });

  test('each of 8 drained groups of 1 to 8 members waits for the one before it', async (t) => {
    const groupRing = new GroupRing(t);
    const source = pipe(t);
    groupRing.write(pipeRead(t, source, 1));
    const leaders = range(1, 8).map((size) => size * 10);
    for (const leader of leaders) {
      const [first = 0, ...members] = range(leader, 1 + leader / 10);
      groupRing.writeGroup(nop(first, DRAIN), ...members.map((tag) => nop(tag)));
    }
    groupRing.submit();
    source.feed();
    const cqes = await collect(groupRing, 1 + 8 + 36);
    t.equal(cqes.length, 45, 'CQEs of the read and the groups');
    const order = cqes.map(({ tag }) => Math.floor(tag / 10));
    t.same(
      order,
      [...order].sort((a, b) => a - b),
      'groups in order of their CQEs',
    );
    await assertDrained(t, groupRing, 'the group');
  });

  for (const [what, leader, result] of [
    ['fails when issued with EBADF', badFile, '-EBADF'],
    ['fails at submission with EINVAL', badOpcode, '-EINVAL'],
  ] as const)
    test(`a drained leader that ${what} cancels its members, and what is drained after it completes`, async (t) => {
      const groupRing = new GroupRing(t, SUBMIT_ALL);
      groupRing.write(nop(1, { flags: ['IOSQE_ASYNC'] }));
      groupRing.writeGroup(leader(2, DRAIN), nop(3), nop(4));
      t.same(
        withFailedMembers(t, await collect(groupRing, 4), [3, 4]),
        ['1:0', `2:${result}`, `3:${CANCELED}`, `4:${CANCELED}`],
        'completions of the request before the group and of the group',
      );
      await assertDrained(t, groupRing, 'the group');
    });

  for (const flag of ['IOSQE_IO_LINK', 'IOSQE_IO_HARDLINK', 'IOSQE_IO_DRAIN'])
    test(`a drained group that is refused for ${flag} on a member fails with EINVAL, and what is drained after it completes`, async (t) => {
      const groupRing = new GroupRing(t, SUBMIT_ALL);
      const source = pipe(t);
      groupRing.write(pipeRead(t, source, 1));
      groupRing.writeGroup(nop(2, DRAIN), nop(3, { flags: [flag] }), nop(4));
      groupRing.write(nop(5, DRAIN));
      groupRing.submit();
      source.feed();
      const order = completions(await collect(groupRing, 3));
      t.same([...order].sort(), ['1:1', '2:-EINVAL', '5:0'], 'completions');
      t.equal(order.at(-1), '5:0', `last of the completions ${order.join(' ')}`);
      await assertDrained(t, groupRing, 'the group');
    });

  test('a group refused for IOSQE_IO_DRAIN on a member does not make the next request wait for those before', async (t) => {
    const groupRing = new GroupRing(t, SUBMIT_ALL);
    const source = pipe(t);
    groupRing.write(pipeRead(t, source, 1));
    groupRing.writeGroup(nop(2), nop(3, DRAIN), nop(4));
    groupRing.write(nop(5));
    t.same(
      completions(await collect(groupRing, 2)).sort(),
      ['2:-EINVAL', '5:0'],
      'completions while the read waits',
    );
    source.feed();
    t.same(completions(await groupRing.ring.wait(1)), ['1:1'], 'completion of the read');
    await assertDrained(t, groupRing, 'the group');
  });
});
