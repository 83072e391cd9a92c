import { connected, ioMemory, suite, test } from '../lib/index.ts';
import { bad, GroupRing, nop, said, saidSorted, unknown, WAYS } from './groups.ts';

const LINK = { flags: ['IOSQE_IO_LINK'] };
const HARD = { flags: ['IOSQE_IO_HARDLINK'] };
const CANCELED = '-ECANCELED';

suite('groups in links', {}, () => {
  for (const [way, flags] of Object.entries(WAYS)) {
    test(`${way}: what is linked runs after the group, and the group after what it is linked to`, async (t) => {
      const on = new GroupRing(t, { flags });
      on.ring.sqe(nop(1, LINK));
      on.group(nop(2, LINK), nop(3), nop(4));
      on.group(nop(5, LINK), nop(6));
      on.ring.sqe(nop(7));
      const order = said(await on.done(7));
      const at = (tag: number) => order.indexOf(`${tag}:0`);
      t.ok(at(1) === 0, `the first is the first: ${order.join(' ')}`);
      t.ok(Math.max(at(3), at(4)) < at(2) && at(2) < at(6), `group by group: ${order.join(' ')}`);
      t.ok(at(6) < at(5) && at(5) < at(7), `the last is the last: ${order.join(' ')}`);
    });
  }

  test('a failure before the group cancels all of it, and what follows', async (t) => {
    const on = new GroupRing(t);
    on.ring.sqe(bad(1, LINK));
    on.group(nop(2, LINK), nop(3), nop(4));
    on.ring.sqe(nop(5));
    t.same(saidSorted(await on.done(5)), ['1:-EBADF', ...[2, 3, 4, 5].map((tag) => `${tag}:${CANCELED}`)]);
  });

  for (const position of [0, 1, 2, 3])
    for (const [kind, make, errno] of [
      ['when it is issued', bad, '-EBADF'],
      ['when it is taken', unknown, '-EINVAL'],
    ] as const)
      for (const link of ['soft', 'hard'] as const)
        test(`${position === 0 ? 'the leader' : `member ${position}`} fails ${kind}, in a ${link} link`, async (t) => {
          const on = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
          const linked = link === 'soft' ? LINK : HARD;
          const sqe = (tag: number) => (tag - 1 === position ? make : nop)(tag, tag === 1 ? linked : {});
          on.group(sqe(1), sqe(2), sqe(3), sqe(4));
          on.ring.sqe(nop(5));
          const cqes = await on.done(5);
          const results = saidSorted(cqes);
          const early = kind === 'when it is taken';
          const expected = [1, 2, 3, 4].map((tag) => {
            if (tag - 1 === position) return `${tag}:${errno}`;
            // Nobody is issued where one is refused from the start; else members are cancelled with their leader only.
            return `${tag}:${early || position === 0 ? CANCELED : '0'}`;
          });
          // A hard link does not mind how a request ends, but what was never begun is not gone on with.
          const severed = link === 'soft' || early;
          t.same(results, [...expected, `5:${severed ? CANCELED : '0'}`]);
          const order = cqes.map(({ tag }) => tag);
          t.ok(
            order.indexOf(1) > Math.max(...[2, 3, 4].map((tag) => order.indexOf(tag))),
            `the leader after its members: ${order.join(' ')}`,
          );
        });

  test('a failed group cancels the groups that follow', async (t) => {
    const on = new GroupRing(t);
    on.group(nop(1, LINK), bad(2), nop(3));
    on.group(nop(4, LINK), nop(5));
    on.group(nop(6), nop(7));
    t.same(saidSorted(await on.done(7)), [
      ...['1:0', '2:-EBADF', '3:0'],
      ...[4, 5, 6, 7].map((tag) => `${tag}:${CANCELED}`),
    ]);
  });

  test('links that want no completions stay silent with their groups', async (t) => {
    const on = new GroupRing(t);
    on.ring.sqe(bad(1, { flags: ['IOSQE_IO_LINK', 'IOSQE_CQE_SKIP_SUCCESS'] }));
    on.group(nop(2, LINK), nop(3));
    on.ring.sqe(nop(4));
    t.same(said(await on.done(1)), ['1:-EBADF']);
    on.ring.sqe(nop(5));
    t.same(said(await on.done(1)), ['5:0'], 'and nothing else');
  });
});

suite('what a group must not have', {}, () => {
  for (const flag of ['IOSQE_IO_LINK', 'IOSQE_IO_HARDLINK', 'IOSQE_IO_DRAIN'])
    for (const position of [1, 2])
      test(`${flag} on ${position === 2 ? 'the last' : 'a'} member: EINVAL by the leader alone`, async (t) => {
        const on = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
        const sqe = (tag: number) => nop(tag, tag - 1 === position ? { flags: [flag] } : {});
        on.group(sqe(1), sqe(2), sqe(3));
        on.ring.sqe(nop(4));
        t.same(saidSorted(await on.done(2)), ['1:-EINVAL', '4:0']);
        t.same(said(on.ring.reap()), []);
        // Drain counts completions: it must not wait for those that never came, nor forget others.
        on.ring.sqe(nop(5));
        on.ring.sqe(nop(6, { flags: ['IOSQE_IO_DRAIN'] }));
        t.same(said(await on.done(2)), ['5:0', '6:0']);
      });

  test('a refused group in a link: what it is linked to is cancelled, what follows too', async (t) => {
    const on = new GroupRing(t);
    on.ring.sqe(nop(1, LINK));
    on.group(nop(2, LINK), nop(3, LINK), nop(4));
    on.ring.sqe(nop(5));
    t.same(saidSorted(await on.done(3)), [`1:${CANCELED}`, '2:-EINVAL', `5:${CANCELED}`]);
  });

  test('a refused group at the head of a link: what follows is cancelled, and says so', async (t) => {
    const on = new GroupRing(t);
    on.group(nop(1, HARD), nop(2, LINK), nop(3));
    on.group(nop(4), nop(5));
    t.same(saidSorted(await on.done(3)), ['1:-EINVAL', `4:${CANCELED}`, `5:${CANCELED}`]);
  });

  test('a linked timeout, in a group, for one, or leading one: EINVAL', async (t) => {
    const spec = ioMemory(t, 16);
    const timeout = { opcode: 'IORING_OP_LINK_TIMEOUT', len: 1, addr: spec.address };
    const on = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
    on.group(nop(1), { ...timeout, userData: 2 });
    t.same(saidSorted(await on.done(2)), [`1:${CANCELED}`, '2:-EINVAL']);
    on.ring.sqe(nop(1, LINK));
    on.group({ ...timeout, ...LINK, userData: 2 }, nop(3));
    on.ring.sqe(nop(4));
    t.same(saidSorted(await on.done(4)), [`1:${CANCELED}`, '2:-EINVAL', `3:${CANCELED}`, `4:${CANCELED}`]);
    on.group(nop(1, LINK), nop(2));
    on.ring.sqe({ ...timeout, userData: 3 });
    t.same(saidSorted(await on.done(3)), [`1:${CANCELED}`, `2:${CANCELED}`, '3:-EINVAL']);
  });

  for (const opcode of ['IORING_OP_SEND_ZC', 'IORING_OP_SENDMSG_ZC'])
    test(`${opcode} as leader: EINVAL, for its notification would come before its own completion`, async (t) => {
      const { sender } = await connected(t, { family: 'tcp' });
      const on = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
      const send = {
        opcode,
        fd: sender,
        addr: ioMemory(t, 64).address,
        len: opcode.includes('MSG') ? 1 : 64,
      };
      on.group({ ...send, userData: 1 }, nop(2));
      t.same(saidSorted(await on.done(2)), ['1:-EINVAL', `2:${CANCELED}`]);
    });

  test('a zero-copy send as member is sent, and has its notification', async (t) => {
    const { sender } = await connected(t, { family: 'tcp' });
    const on = new GroupRing(t);
    const send = { opcode: 'IORING_OP_SEND_ZC', fd: sender, addr: ioMemory(t, 64).address, len: 64 };
    on.group(nop(1), { ...send, userData: 2 });
    t.same(saidSorted(await on.done(3)).sort(), ['1:0', '2:0', '2:64']);
  });

  test('flags that are not allowed on a restricted ring: EACCES', async (t) => {
    const on = new GroupRing(t, { flags: ['IORING_SETUP_R_DISABLED'] });
    const { uapi } = t;
    const restrictions = new DataView(new ArrayBuffer(3 * uapi.size('io_uring_restriction')));
    const put = (index: number, opcode: string, value: number) => {
      const at = index * uapi.size('io_uring_restriction');
      restrictions.setUint16(at, uapi.constant(opcode), true);
      restrictions.setUint8(at + 2, value);
    };
    put(0, 'IORING_RESTRICTION_SQE_OP', uapi.constant('IORING_OP_NOP'));
    put(1, 'IORING_RESTRICTION_SQE_FLAGS_ALLOWED', uapi.constant('IOSQE_IO_LINK'));
    // The event loop is told of completions by one.
    put(2, 'IORING_RESTRICTION_REGISTER_OP', uapi.constant('IORING_REGISTER_EVENTFD'));
    const register = (opcode: string, argument: Uint8Array | null, count: number) =>
      on.ring.register(uapi.constant(opcode), argument, count);
    register('IORING_REGISTER_RESTRICTIONS', new Uint8Array(restrictions.buffer), 3);
    register('IORING_REGISTER_ENABLE_RINGS', null, 0);
    on.group(nop(1), nop(2));
    t.same(saidSorted(await on.done(2)), ['1:-EACCES', `2:${CANCELED}`]);
  });
});
