import { type Cqe, ioMemory, type Pipe, pipe, suite, type Test, test } from '../lib/index.ts';
import { GroupRing, nop, said, saidSorted, waiting } from './groups.ts';
import { futex, timeout } from './waits.ts';

const CANCELED = '-ECANCELED';

function cancel(on: GroupRing, target: number, flags = 0): void {
  on.ring.sqe({
    ...{ opcode: 'IORING_OP_ASYNC_CANCEL', addr: BigInt(target), userData: 100 },
    more: { cancel_flags: flags },
  });
}

const without = (tag: number, cqes: readonly Cqe[]) => saidSorted(cqes.filter((cqe) => cqe.tag !== tag));
const resultOf = (tag: number, cqes: readonly Cqe[]) => said(cqes.filter((cqe) => cqe.tag === tag));

suite('cancelling', {}, () => {
  for (const how of ['by polling', 'in a worker', 'as a timeout'] as const) {
    const operation = (t: Test, userData: number) => {
      if (how === 'as a timeout') return timeout(t, userData);
      return waiting(t, pipe(t), userData, how === 'in a worker' ? ['IOSQE_ASYNC'] : []);
    };

    test(`a leader that waits ${how}: none of its members is issued`, async (t) => {
      const on = new GroupRing(t);
      const leader = operation(t, 1);
      on.group({ ...leader, flags: [...leader.flags, 'IOSQE_IO_LINK'] }, nop(2), nop(3));
      on.ring.sqe(nop(4));
      on.submit();
      cancel(on, 1);
      const cqes = await on.done(5);
      // A worker that has just begun is told to stop: whoever asked cannot know yet what comes of it.
      const answers = how === 'in a worker' ? ['100:0', '100:-EALREADY'] : ['100:0'];
      t.ok(answers.includes(resultOf(100, cqes).join()), resultOf(100, cqes).join());
      t.same(
        without(100, cqes),
        [1, 2, 3, 4].map((tag) => `${tag}:${CANCELED}`),
      );
    });

    test(`a group whose members wait ${how}: all of them go, named by their leader`, async (t) => {
      const on = new GroupRing(t);
      on.group(nop(1), operation(t, 2), operation(t, 3), nop(4));
      t.same(said(await on.done(1)), ['4:0']);
      cancel(on, 1);
      const cqes = await on.done(4);
      t.same(resultOf(100, cqes), ['100:0']);
      t.same(without(100, cqes), ['1:0', `2:${CANCELED}`, `3:${CANCELED}`]);
      t.equal(cqes.filter(({ tag }) => tag !== 100).at(-1)?.tag, 1, 'the leader is the last');
    });

    test(`a member that waits ${how} cannot be cancelled by its own name: ENOENT`, async (t) => {
      const on = new GroupRing(t);
      on.group(nop(1), operation(t, 2), operation(t, 3));
      on.submit();
      cancel(on, 2);
      t.same(said(await on.done(1)), ['100:-ENOENT']);
      cancel(on, 3, t.uapi.constant('IORING_ASYNC_CANCEL_ALL'));
      t.same(said(await on.done(1)), ['100:0'], 'none of all');
      cancel(on, 1);
      t.same(without(100, await on.done(4)), ['1:0', `2:${CANCELED}`, `3:${CANCELED}`]);
    });
  }

  test('a member that was not issued yet cannot be cancelled: ENOENT', async (t) => {
    const on = new GroupRing(t);
    const held = pipe(t);
    on.group(waiting(t, held, 1), nop(2));
    on.submit();
    cancel(on, 2);
    t.same(said(await on.done(1)), ['100:-ENOENT']);
    held.feed();
    t.same(said(await on.ring.wait(2)), ['2:0', '1:1']);
  });

  test('one group and not another of the same name, nor a request', async (t) => {
    const on = new GroupRing(t);
    const pipes = [pipe(t), pipe(t), pipe(t)];
    const [first, second, single] = pipes as [Pipe, Pipe, Pipe];
    on.group(nop(1), waiting(t, first, 2), waiting(t, first, 3));
    on.group(nop(1), waiting(t, second, 4), waiting(t, second, 5));
    on.ring.sqe(waiting(t, single, 6));
    on.submit();
    cancel(on, 1);
    const cqes = await on.done(4);
    const gone = without(100, cqes);
    t.ok(
      gone.join(' ') === `1:0 2:${CANCELED} 3:${CANCELED}` ||
        gone.join(' ') === `1:0 4:${CANCELED} 5:${CANCELED}`,
      `one of the two went, and all of it: ${gone.join(' ')}`,
    );
    const left = gone.some((line) => line.startsWith('2:')) ? second : first;
    left.feed();
    left.feed();
    single.feed();
    t.equal((await on.ring.wait(4)).filter(({ res }) => res < 0).length, 0, 'the others are untouched');
  });

  test('all of a name takes every group of that name', async (t) => {
    const on = new GroupRing(t);
    const held = pipe(t);
    on.group(nop(1), waiting(t, held, 2), waiting(t, held, 3));
    on.group(nop(1), waiting(t, held, 4));
    on.submit();
    cancel(on, 1, t.uapi.constant('IORING_ASYNC_CANCEL_ALL'));
    const cqes = await on.done(6);
    t.same(resultOf(100, cqes), ['100:3']);
    t.same(
      without(100, cqes).filter((line) => line.endsWith(CANCELED)),
      [2, 3, 4].map((tag) => `${tag}:${CANCELED}`),
    );
  });

  test('what is linked to a cancelled group is cancelled as well', async (t) => {
    const on = new GroupRing(t);
    const held = pipe(t);
    on.group(nop(1, { flags: ['IOSQE_IO_LINK'] }), waiting(t, held, 2));
    on.group(nop(3), nop(4));
    on.submit();
    cancel(on, 1);
    t.same(without(100, await on.done(5)), ['1:0', ...[2, 3, 4].map((tag) => `${tag}:${CANCELED}`)]);
  });

  test('by io_uring_register, which waits until they are gone', async (t) => {
    const on = new GroupRing(t);
    const held = pipe(t);
    on.group(nop(1), waiting(t, held, 2), waiting(t, held, 3));
    on.submit();
    const argument = new DataView(new ArrayBuffer(t.uapi.size('io_uring_sync_cancel_reg')));
    t.uapi.write(argument, 'io_uring_sync_cancel_reg', { addr: 1, fd: -1 });
    const { offset } = t.uapi.field('io_uring_sync_cancel_reg', 'timeout');
    argument.setBigInt64(offset, -1n, true);
    argument.setBigInt64(offset + 8, -1n, true);
    on.ring.register(t.uapi.constant('IORING_REGISTER_SYNC_CANCEL'), new Uint8Array(argument.buffer), 1);
    t.same(saidSorted(await on.ring.wait(3)), ['1:0', `2:${CANCELED}`, `3:${CANCELED}`]);
  });

  test('members that are being run by workers: all are told', async (t) => {
    const on = new GroupRing(t);
    const held = pipe(t, { blocking: true });
    const members = [2, 3, 4].map((tag) => waiting(t, held, tag, ['IOSQE_ASYNC']));
    on.group(nop(1), ...members);
    // It runs when its completion would come: by then the workers have been started.
    on.ring.sqe(nop(9, { flags: ['IOSQE_ASYNC'] }));
    t.same(said(await on.done(1)), ['9:0']);
    cancel(on, 1);
    const cqes = await on.done(5);
    t.ok(['100:0', '100:-EALREADY'].includes(resultOf(100, cqes).join()), resultOf(100, cqes).join());
    for (const { tag, res } of cqes.filter((cqe) => [2, 3, 4].includes(cqe.tag)))
      t.ok(res === -4 || res === -125, `member ${tag} ended with ${res}`);
  });

  test('a timeout of a group cannot be removed or changed by any name: ENOENT', async (t) => {
    const on = new GroupRing(t);
    on.group(nop(1), timeout(t, 2), timeout(t, 3));
    on.submit();
    const spec = ioMemory(t, 16);
    const remove = { opcode: 'IORING_OP_TIMEOUT_REMOVE', userData: 100 };
    const update = { timeout_flags: t.uapi.constant('IORING_TIMEOUT_UPDATE') };
    for (const target of [1n, 2n]) {
      on.ring.sqe({ ...remove, addr: target });
      on.ring.sqe({ ...remove, addr: target, off: spec.address, more: update });
      t.same(said(await on.done(2)), ['100:-ENOENT', '100:-ENOENT']);
    }
    cancel(on, 1);
    t.same(without(100, await on.done(4)), ['1:0', `2:${CANCELED}`, `3:${CANCELED}`]);
  });

  test('a leader that waits for a futex: none of its members is issued', async (t) => {
    const on = new GroupRing(t);
    on.group(futex(t, 1), nop(2));
    on.submit();
    cancel(on, 1);
    t.same(without(100, await on.done(3)), [`1:${CANCELED}`, `2:${CANCELED}`]);
  });

  test('members are found by their file', async (t) => {
    const on = new GroupRing(t);
    const [first, second] = [pipe(t), pipe(t)];
    on.group(nop(1), waiting(t, first, 2), waiting(t, second, 3));
    on.submit();
    const { uapi } = t;
    const flags = uapi.bits('IORING_ASYNC_CANCEL_FD', 'IORING_ASYNC_CANCEL_ALL');
    on.ring.sqe({
      ...{ opcode: 'IORING_OP_ASYNC_CANCEL', fd: first.reader, userData: 100 },
      more: { cancel_flags: flags },
    });
    t.same(saidSorted(await on.done(2)), [`2:${CANCELED}`, '100:1']);
    second.feed();
    t.same(said(await on.ring.wait(2)), ['3:1', '1:0']);
  });
});
