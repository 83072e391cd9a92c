import { ioMemory, pipe, suite, test } from '../lib/index.ts';
import { assertCancelled, CANCEL_TAG, canceled, ofFailedGroup, ofGroups, writeCancel } from './cancel.ts';
import { completions, completionsByTag, GroupRing, nop, pipeRead } from './groups.ts';
import { futexWait, timeout } from './waits.ts';

/** errno values that a read in io-wq may end with, negative: interrupted or cancelled. */
const [EINTR, ECANCELED] = [-4, -125];

suite('cancellation in other ways and of other requests', { class: 'contract' }, () => {
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

  test('removing or updating a timeout in a group fails with ENOENT for any user_data', {
    class: 'choice',
  }, async (t) => {
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
    const cqes = await groupRing.submitAndWait(3);
    t.same(ofFailedGroup(t, cqes, [2]), canceled(1, 2), 'completions of the group');
  });

  test('a cancel by file descriptor takes the member on that file and no other: ECANCELED', {
    class: 'choice',
  }, async (t) => {
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
