import { type Cqe, ioMemory, type Pipe, pipe, suite, type Test, test } from '../lib/index.ts';
import { completions, completionsByTag, GroupRing, nop, pipeRead } from './groups.ts';
import { futexWait, timeout } from './waits.ts';

const CANCELED = '-ECANCELED';
/** `user_data` of the cancel requests themselves. */
const CANCEL_TAG = 100;
/** errno values that a read in io-wq may end with, negative: interrupted or cancelled. */
const [EINTR, ECANCELED] = [-4, -125];

/** Writes a cancel of the requests with this `user_data`; it is submitted with what is written after it. */
function writeCancel(groupRing: GroupRing, target: number, flags = 0): void {
  groupRing.write({
    ...{ opcode: 'IORING_OP_ASYNC_CANCEL', addr: BigInt(target), userData: CANCEL_TAG },
    more: { cancel_flags: flags },
  });
}

const ofGroups = (cqes: readonly Cqe[]) => completionsByTag(cqes.filter(({ tag }) => tag !== CANCEL_TAG));
const ofCancel = (cqes: readonly Cqe[]) => completions(cqes.filter(({ tag }) => tag === CANCEL_TAG));
const canceled = (...tags: readonly number[]) => tags.map((tag) => `${tag}:${CANCELED}`);

/** The cancel found its target: 0, or EALREADY where an io-wq worker had just begun and the outcome was not known yet. */
function assertCancelled(t: Test, cqes: readonly Cqe[], inWorker: boolean): void {
  const result = ofCancel(cqes).join();
  const allowed = inWorker ? ['100:0', '100:-EALREADY'] : ['100:0'];
  t.ok(allowed.includes(result), `completion of the cancel is one of ${allowed.join(', ')}: ${result}`);
}

suite('cancellation', {}, () => {
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
      t.same(ofGroups(cqes), canceled(1, 2, 3, 4), 'completions of the group and its link');
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

  test('a cancel with IORING_ASYNC_CANCEL_ALL takes every group with its user_data and counts the members', async (t) => {
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
      ofGroups(await groupRing.submitAndWait(5)),
      ['1:0', ...canceled(2, 3, 4)],
      'completions of both groups',
    );
  });

  test('IORING_REGISTER_SYNC_CANCEL cancels every member of a group: ECANCELED', async (t) => {
    const groupRing = new GroupRing(t);
    const source = pipe(t);
    groupRing.writeGroup(nop(1), pipeRead(t, source, 2), pipeRead(t, source, 3));
    groupRing.submit();
    const argument = new DataView(new ArrayBuffer(t.uapi.size('io_uring_sync_cancel_reg')));
    t.uapi.write(argument, 'io_uring_sync_cancel_reg', { addr: 1, fd: -1 });
    // No timeout: tv_sec and tv_nsec of -1.
    const { offset } = t.uapi.field('io_uring_sync_cancel_reg', 'timeout');
    argument.setBigInt64(offset, -1n, true);
    argument.setBigInt64(offset + 8, -1n, true);
    const opcode = t.uapi.constant('IORING_REGISTER_SYNC_CANCEL');
    groupRing.ring.register(opcode, new Uint8Array(argument.buffer), 1);
    t.same(
      completionsByTag(await groupRing.ring.wait(3)),
      ['1:0', ...canceled(2, 3)],
      'completions of the group',
    );
  });

  test('a cancel stops every member that blocks in io-wq: EINTR or ECANCELED', async (t) => {
    const groupRing = new GroupRing(t);
    const source = pipe(t, { blocking: true });
    const members = [2, 3, 4].map((tag) => pipeRead(t, source, tag, ['IOSQE_ASYNC']));
    groupRing.writeGroup(nop(1), ...members);
    // Also in io-wq, and behind the group: once it completes, the workers of the members have started.
    groupRing.write(nop(9, { flags: ['IOSQE_ASYNC'] }));
    t.same(completions(await groupRing.submitAndWait(1)), ['9:0'], 'completions before the cancel');
    writeCancel(groupRing, 1);
    const cqes = await groupRing.submitAndWait(5);
    assertCancelled(t, cqes, true);
    for (const { tag, res } of cqes.filter((cqe) => [2, 3, 4].includes(cqe.tag)))
      t.ok(res === EINTR || res === ECANCELED, `member ${tag} ends with -EINTR or -ECANCELED: ${res}`);
  });

  test('removing or updating a timeout in a group fails with ENOENT for any user_data', async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.writeGroup(nop(1), timeout(t, 2), timeout(t, 3));
    groupRing.submit();
    const spec = ioMemory(t, 16);
    const remove = { opcode: 'IORING_OP_TIMEOUT_REMOVE', userData: CANCEL_TAG };
    const update = { timeout_flags: t.uapi.constant('IORING_TIMEOUT_UPDATE') };
    for (const target of [1n, 2n]) {
      groupRing.write({ ...remove, addr: target });
      groupRing.write({ ...remove, addr: target, off: spec.address, more: update });
      t.same(
        completions(await groupRing.submitAndWait(2)),
        ['100:-ENOENT', '100:-ENOENT'],
        `completions of a removal and an update by user_data ${target}`,
      );
    }
    writeCancel(groupRing, 1);
    t.same(
      ofGroups(await groupRing.submitAndWait(4)),
      ['1:0', ...canceled(2, 3)],
      'completions of the group, cancelled by its leader',
    );
  });

  test('a cancelled leader that waits on a futex fails with its member: ECANCELED', async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.writeGroup(futexWait(t, 1), nop(2));
    groupRing.submit();
    writeCancel(groupRing, 1);
    t.same(ofGroups(await groupRing.submitAndWait(3)), canceled(1, 2), 'completions of the group');
  });

  test('a cancel by file descriptor takes the member on that file and no other: ECANCELED', async (t) => {
    const groupRing = new GroupRing(t);
    const [first, second] = [pipe(t), pipe(t)];
    groupRing.writeGroup(nop(1), pipeRead(t, first, 2), pipeRead(t, second, 3));
    groupRing.submit();
    const { uapi } = t;
    const flags = uapi.bits('IORING_ASYNC_CANCEL_FD', 'IORING_ASYNC_CANCEL_ALL');
    groupRing.write({
      ...{ opcode: 'IORING_OP_ASYNC_CANCEL', fd: first.reader, userData: CANCEL_TAG },
      more: { cancel_flags: flags },
    });
    t.same(
      completionsByTag(await groupRing.submitAndWait(2)),
      [...canceled(2), '100:1'],
      'completions of the cancel',
    );
    second.feed();
    t.same(completions(await groupRing.ring.wait(2)), ['3:1', '1:0'], 'completions of the rest of the group');
  });
});
