import { ioMemory, pipe, suite, test } from '../lib/index.ts';
import { bad, GroupRing, nop, numbered, said, saidSorted, unknown, WAYS, waiting } from './groups.ts';

suite('who waits for whom', {}, () => {
  for (const [way, flags] of Object.entries(WAYS))
    for (const shape of ['plain', 'big'] as const)
      test(`${way}, ${shape === 'big' ? 'big' : 'plain'} SQEs: the leader's completion comes last`, async (t) => {
        const on = new GroupRing(t, { flags, shape, entries: 64 });
        for (const members of [1, 2, 7, 63]) {
          on.group(nop(1), ...numbered(2, members).map((tag) => nop(tag)));
          const cqes = await on.done(members + 1);
          t.equal(cqes.at(-1)?.tag, 1, `of ${members} members`);
          t.same(
            saidSorted(cqes),
            numbered(1, members + 1).map((tag) => `${tag}:0`),
          );
        }
        t.same(on.ring.reap(), [], 'nobody is owed more');
      });

  for (const [way, flags] of Object.entries(WAYS))
    for (const how of ['by polling', 'in a worker'] as const)
      test(`${way}: no member is issued before its leader is done, ${how}`, async (t) => {
        const on = new GroupRing(t, { flags });
        const [first, second] = [pipe(t), pipe(t)];
        const memory = ioMemory(t, 1, 1);
        const async = how === 'in a worker' ? ['IOSQE_ASYNC'] : [];
        const write = {
          opcode: 'IORING_OP_WRITE',
          fd: second.writer,
          addr: memory.address,
          len: 1,
          off: -1,
        };
        on.group(waiting(t, first, 1, async), { ...write, userData: 2 }, { ...write, userData: 3 });
        // What comes after the group is not held up: its completion shows that the group was looked at.
        on.ring.sqe(nop(9));
        t.same(said(await on.done(1)), ['9:0']);
        t.equal(second.drain().length, 0, 'bytes that were written');
        first.feed();
        const cqes = await on.ring.wait(3);
        t.equal(cqes.at(-1)?.tag, 1);
        t.same(saidSorted(cqes), ['1:1', '2:1', '3:1']);
        t.equal(second.drain().length, 2);
      });

  test('the leader waits for the slowest member, with what is linked to it', async (t) => {
    const on = new GroupRing(t);
    const slow = pipe(t);
    on.group(nop(1, { flags: ['IOSQE_IO_LINK'] }), nop(2), waiting(t, slow, 3), nop(4));
    on.ring.sqe(nop(5));
    t.same(saidSorted(await on.done(2)), ['2:0', '4:0']);
    t.same(said(on.ring.reap()), []);
    slow.feed();
    t.same(said(await on.ring.wait(3)), ['3:1', '1:0', '5:0']);
  });

  test('members run side by side', async (t) => {
    const on = new GroupRing(t);
    const pipes = [pipe(t), pipe(t), pipe(t)];
    const reads = pipes.map((each, index) => waiting(t, each, 2 + index));
    on.group(nop(1), ...reads);
    on.submit();
    for (const index of [2, 0, 1]) {
      pipes[index]?.feed();
      const [cqe] = await on.ring.wait(1);
      t.equal(cqe?.tag, 2 + index, 'the one that was fed');
    }
    t.same(said(await on.ring.wait(1)), ['1:0']);
  });
});

suite('completions that are not wanted', {}, () => {
  const skip = { flags: ['IOSQE_CQE_SKIP_SUCCESS'] };

  test('a leader may do without', async (t) => {
    const on = new GroupRing(t);
    on.group(nop(1, skip), nop(2), nop(3));
    t.same(saidSorted(await on.done(2)), ['2:0', '3:0']);
    on.ring.sqe(nop(4));
    t.same(said(await on.done(1)), ['4:0'], 'and nothing else');
  });

  test('so may members, all of them too', async (t) => {
    const on = new GroupRing(t);
    on.group(nop(1), nop(2, skip), nop(3));
    t.same(said(await on.done(2)), ['3:0', '1:0']);
    on.group(nop(1), nop(2, skip), nop(3, skip));
    t.same(said(await on.done(1)), ['1:0']);
    on.group(nop(1, skip), nop(2, skip));
    on.ring.sqe(nop(5));
    t.same(said(await on.done(1)), ['5:0']);
  });

  test('failures are told in any case', async (t) => {
    const on = new GroupRing(t);
    on.group(nop(1, skip), bad(2, skip), nop(3, skip));
    t.same(said(await on.done(1)), ['2:-EBADF']);
    // As in a link: who fails without wanting to be heard says so alone.
    on.group(bad(1, skip), nop(2), nop(3));
    t.same(said(await on.done(1)), ['1:-EBADF']);
    on.group(bad(1), nop(2, skip), nop(3));
    t.same(said(await on.done(3)), ['2:-ECANCELED', '3:-ECANCELED', '1:-EBADF']);
    on.group(unknown(1, skip), nop(2));
    on.ring.sqe(nop(9));
    t.same(saidSorted(await on.done(2)), ['1:-EINVAL', '9:0']);
  });
});
