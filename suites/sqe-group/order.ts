import { ioMemory, pipe, suite, test } from '../lib/index.ts';
import {
  badFile,
  badOpcode,
  completions,
  completionsByTag,
  GroupRing,
  nop,
  pipeRead,
  RING_KINDS,
  range,
} from './groups.ts';

suite('order within a group', { class: 'contract' }, () => {
  for (const [kind, flags] of Object.entries(RING_KINDS))
    for (const shape of ['plain', 'big'] as const)
      test(`${kind}, ${shape} SQEs: a leader completes after all of its 1 to 63 members`, async (t) => {
        const groupRing = new GroupRing(t, { flags, shape, entries: 64 });
        for (const members of [1, 2, 7, 63]) {
          groupRing.writeGroup(nop(1), ...range(2, members).map((tag) => nop(tag)));
          const cqes = await groupRing.submitAndWait(members + 1);
          t.equal(cqes.at(-1)?.tag, 1, `tag of the last CQE with ${members} members`);
          t.same(
            completionsByTag(cqes),
            range(1, members + 1).map((tag) => `${tag}:0`),
            `completions with ${members} members`,
          );
        }
        t.same(groupRing.ring.reap(), [], 'CQEs beyond those of the groups');
      });

  for (const [kind, flags] of Object.entries(RING_KINDS))
    for (const how of ['in poll', 'in io-wq'] as const)
      test(`${kind}: no member is issued while its leader waits ${how}`, async (t) => {
        const groupRing = new GroupRing(t, { flags });
        const [read, written] = [pipe(t), pipe(t)];
        const memory = ioMemory(t, 1, 1);
        const async = how === 'in io-wq' ? ['IOSQE_ASYNC'] : [];
        const write = {
          opcode: 'IORING_OP_WRITE',
          fd: written.writer,
          addr: memory.address,
          len: 1,
          off: -1,
        };
        groupRing.writeGroup(
          pipeRead(t, read, 1, async),
          { ...write, userData: 2 },
          { ...write, userData: 3 },
        );
        // The group does not delay the request after it, whose completion shows that the group has been submitted.
        groupRing.write(nop(9));
        t.same(completions(await groupRing.submitAndWait(1)), ['9:0'], 'completions before the leader ends');
        t.equal(written.drain().length, 0, 'bytes that members wrote before the leader ended');
        read.feed();
        const cqes = await groupRing.ring.wait(3);
        t.equal(cqes.at(-1)?.tag, 1, 'tag of the last CQE');
        t.same(completionsByTag(cqes), ['1:1', '2:1', '3:1'], 'completions of the group');
        t.equal(written.drain().length, 2, 'bytes that members wrote');
      });

  test('a leader and the request linked to its group complete after the slowest member', async (t) => {
    const groupRing = new GroupRing(t);
    const slow = pipe(t);
    groupRing.writeGroup(nop(1, { flags: ['IOSQE_IO_LINK'] }), nop(2), pipeRead(t, slow, 3), nop(4));
    groupRing.write(nop(5));
    t.same(
      completionsByTag(await groupRing.submitAndWait(2)),
      ['2:0', '4:0'],
      'completions of the fast members',
    );
    t.same(completions(groupRing.ring.reap()), [], 'further completions before the slow member ends');
    slow.feed();
    t.same(
      completions(await groupRing.ring.wait(3)),
      ['3:1', '1:0', '5:0'],
      'completions once the slow member can end',
    );
  });

  test('members run side by side: each completes as soon as its own pipe has data', async (t) => {
    const groupRing = new GroupRing(t);
    const pipes = [pipe(t), pipe(t), pipe(t)];
    groupRing.writeGroup(nop(1), ...pipes.map((source, index) => pipeRead(t, source, 2 + index)));
    groupRing.submit();
    for (const index of [2, 0, 1]) {
      pipes[index]?.feed();
      const [cqe] = await groupRing.ring.wait(1);
      t.equal(cqe?.tag, 2 + index, `tag of the CQE after pipe ${index} was fed`);
    }
    t.same(completions(await groupRing.ring.wait(1)), ['1:0'], 'completion of the leader');
  });
});

suite('IOSQE_CQE_SKIP_SUCCESS', { class: 'choice' }, () => {
  const skip = { flags: ['IOSQE_CQE_SKIP_SUCCESS'] };

  test('a successful leader with IOSQE_CQE_SKIP_SUCCESS posts no CQE', async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.writeGroup(nop(1, skip), nop(2), nop(3));
    t.same(completionsByTag(await groupRing.submitAndWait(2)), ['2:0', '3:0'], 'completions of the members');
    groupRing.write(nop(4));
    t.same(completions(await groupRing.submitAndWait(1)), ['4:0'], 'completion after the group');
  });

  test('successful members with IOSQE_CQE_SKIP_SUCCESS post no CQEs, one of two or both', async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.writeGroup(nop(1), nop(2, skip), nop(3));
    t.same(
      completions(await groupRing.submitAndWait(2)),
      ['3:0', '1:0'],
      'completions when one member has the flag',
    );
    groupRing.writeGroup(nop(1), nop(2, skip), nop(3, skip));
    t.same(
      completions(await groupRing.submitAndWait(1)),
      ['1:0'],
      'completions when both members have the flag',
    );
    groupRing.writeGroup(nop(1, skip), nop(2, skip));
    groupRing.write(nop(5));
    t.same(completions(await groupRing.submitAndWait(1)), ['5:0'], 'completions when the whole group has it');
  });

  test('a failed request of a group posts its CQE despite IOSQE_CQE_SKIP_SUCCESS', async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.writeGroup(nop(1, skip), badFile(2, skip), nop(3, skip));
    t.same(completions(await groupRing.submitAndWait(1)), ['2:-EBADF'], 'completions with a failed member');
    // As in a link: what a failed request with the flag cancels posts no CQEs.
    groupRing.writeGroup(badFile(1, skip), nop(2), nop(3));
    t.same(
      completions(await groupRing.submitAndWait(1)),
      ['1:-EBADF'],
      'completions with a failed leader that has the flag',
    );
    groupRing.writeGroup(badFile(1), nop(2, skip), nop(3));
    t.same(
      completions(await groupRing.submitAndWait(3)),
      ['2:-ECANCELED', '3:-ECANCELED', '1:-EBADF'],
      'completions with a failed leader and a member that has the flag',
    );
    groupRing.writeGroup(badOpcode(1, skip), nop(2));
    groupRing.write(nop(9));
    t.same(
      completionsByTag(await groupRing.submitAndWait(2)),
      ['1:-EINVAL', '9:0'],
      'completions with a leader of unknown opcode that has the flag',
    );
  });
});
