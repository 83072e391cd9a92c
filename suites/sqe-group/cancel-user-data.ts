import { type Pipe, pipe, suite, type Test, test } from '../lib/index.ts';
import {
  assertCancelled,
  CANCEL_TAG,
  CANCELED,
  canceled,
  ofCancel,
  ofFailedGroup,
  ofGroups,
  writeCancel,
} from './cancel.ts';
import { completions, GroupRing, nop, pipeRead } from './groups.ts';
import { timeout } from './waits.ts';

suite('cancellation by user_data', { class: 'contract' }, () => {
  for (const operation of ['read in poll', 'read in io-wq', 'timeout'] as const) {
    const pending = (t: Test, userData: number) => {
      if (operation === 'timeout') return timeout(t, userData);
      return pipeRead(t, pipe(t), userData, operation === 'read in io-wq' ? ['IOSQE_ASYNC'] : []);
    };

    test(`${operation}: a cancelled leader fails with its members and its link, ECANCELED`, async (t) => {
      const groupRing = new GroupRing(t);
      const leader = pending(t, 1);
      groupRing.writeGroup({ ...leader, flags: [...leader.flags, 'IOSQE_IO_LINK'] }, nop(2), nop(3));
      groupRing.write(nop(4));
      groupRing.submit();
      writeCancel(groupRing, 1);
      const cqes = await groupRing.submitAndWait(5);
      assertCancelled(t, cqes, operation === 'read in io-wq');
      t.same(ofFailedGroup(t, cqes, [2, 3]), canceled(1, 2, 3, 4), 'completions of the group and its link');
    });

    test(`${operation}: a cancel by the leader's user_data cancels every pending member, ECANCELED`, async (t) => {
      const groupRing = new GroupRing(t);
      groupRing.writeGroup(nop(1), pending(t, 2), pending(t, 3), nop(4));
      t.same(completions(await groupRing.submitAndWait(1)), ['4:0'], 'completions before the cancel');
      writeCancel(groupRing, 1);
      const cqes = await groupRing.submitAndWait(4);
      t.same(ofCancel(cqes), ['100:0'], 'completion of the cancel');
      t.same(ofGroups(cqes), ['1:0', ...canceled(2, 3)], 'completions of the group');
      t.equal(
        cqes.filter(({ tag }) => tag !== CANCEL_TAG).at(-1)?.tag,
        1,
        'tag of the last CQE of the group',
      );
    });

    test(`${operation}: a cancel by a member's own user_data fails with ENOENT`, async (t) => {
      const groupRing = new GroupRing(t);
      groupRing.writeGroup(nop(1), pending(t, 2), pending(t, 3));
      groupRing.submit();
      writeCancel(groupRing, 2);
      t.same(completions(await groupRing.submitAndWait(1)), ['100:-ENOENT'], 'completion of the cancel');
      writeCancel(groupRing, 3, t.uapi.constant('IORING_ASYNC_CANCEL_ALL'));
      t.same(
        completions(await groupRing.submitAndWait(1)),
        ['100:0'],
        'completion of the cancel with IORING_ASYNC_CANCEL_ALL, which counts none',
      );
      writeCancel(groupRing, 1);
      t.same(
        ofGroups(await groupRing.submitAndWait(4)),
        ['1:0', ...canceled(2, 3)],
        'completions of the group, cancelled by its leader',
      );
    });
  }

  test('a cancel by the user_data of a member that is not issued yet fails with ENOENT', async (t) => {
    const groupRing = new GroupRing(t);
    const source = pipe(t);
    groupRing.writeGroup(pipeRead(t, source, 1), nop(2));
    groupRing.submit();
    writeCancel(groupRing, 2);
    t.same(completions(await groupRing.submitAndWait(1)), ['100:-ENOENT'], 'completion of the cancel');
    source.feed();
    t.same(completions(await groupRing.ring.wait(2)), ['2:0', '1:1'], 'completions of the group');
  });

  test('a cancel takes one of two groups with the same user_data, and no request of another', async (t) => {
    const groupRing = new GroupRing(t);
    const pipes = [pipe(t), pipe(t), pipe(t)];
    const [first, second, single] = pipes as [Pipe, Pipe, Pipe];
    groupRing.writeGroup(nop(1), pipeRead(t, first, 2), pipeRead(t, first, 3));
    groupRing.writeGroup(nop(1), pipeRead(t, second, 4), pipeRead(t, second, 5));
    groupRing.write(pipeRead(t, single, 6));
    groupRing.submit();
    writeCancel(groupRing, 1);
    const ended = ofGroups(await groupRing.submitAndWait(4));
    const wholeGroups = [
      ['1:0', ...canceled(2, 3)],
      ['1:0', ...canceled(4, 5)],
    ].map((lines) => lines.join(' '));
    t.ok(wholeGroups.includes(ended.join(' ')), `exactly one group is cancelled: ${ended.join(' ')}`);
    const remaining = ended.some((line) => line.startsWith('2:')) ? second : first;
    remaining.feed();
    remaining.feed();
    single.feed();
    t.equal(
      (await groupRing.ring.wait(4)).filter(({ res }) => res < 0).length,
      0,
      'failures among the other group and the single request',
    );
  });

  test('a cancel with IORING_ASYNC_CANCEL_ALL takes every group with its user_data and counts the members', {
    class: 'choice',
  }, async (t) => {
    const groupRing = new GroupRing(t);
    const source = pipe(t);
    groupRing.writeGroup(nop(1), pipeRead(t, source, 2), pipeRead(t, source, 3));
    groupRing.writeGroup(nop(1), pipeRead(t, source, 4));
    groupRing.submit();
    writeCancel(groupRing, 1, t.uapi.constant('IORING_ASYNC_CANCEL_ALL'));
    const cqes = await groupRing.submitAndWait(6);
    t.same(ofCancel(cqes), ['100:3'], 'completion of the cancel');
    t.same(
      ofGroups(cqes).filter((line) => line.endsWith(CANCELED)),
      canceled(2, 3, 4),
      'cancelled requests',
    );
  });

  test('a cancelled group cancels the group linked to it: ECANCELED', async (t) => {
    const groupRing = new GroupRing(t);
    const source = pipe(t);
    groupRing.writeGroup(nop(1, { flags: ['IOSQE_IO_LINK'] }), pipeRead(t, source, 2));
    groupRing.writeGroup(nop(3), nop(4));
    groupRing.submit();
    writeCancel(groupRing, 1);
    t.same(
      ofFailedGroup(t, await groupRing.submitAndWait(5), [4]),
      ['1:0', ...canceled(2, 3, 4)],
      'completions of both groups',
    );
  });
});
