import { connected, ioMemory, suite, test } from '../lib/index.ts';
import { completions, completionsByTag, GroupRing, nop, withFailedMembers } from './groups.ts';

const LINK = { flags: ['IOSQE_IO_LINK'] };
const HARD = { flags: ['IOSQE_IO_HARDLINK'] };
const CANCELED = '-ECANCELED';

suite('what a group refuses', { class: 'contract' }, () => {
  for (const flag of ['IOSQE_IO_LINK', 'IOSQE_IO_HARDLINK', 'IOSQE_IO_DRAIN'])
    for (const position of [1, 2])
      test(`a group with ${flag} on ${position === 2 ? 'its last' : 'a'} member fails with one CQE: EINVAL`, async (t) => {
        const groupRing = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
        const sqe = (tag: number) => nop(tag, tag - 1 === position ? { flags: [flag] } : {});
        groupRing.writeGroup(sqe(1), sqe(2), sqe(3));
        groupRing.write(nop(4));
        t.same(
          completionsByTag(await groupRing.submitAndWait(2)),
          ['1:-EINVAL', '4:0'],
          'completions of the group and the request after it',
        );
        t.same(completions(groupRing.ring.reap()), [], 'further completions');
        // Drain counts CQEs: it must wait neither for those that the refused group does not post nor for too few of others.
        groupRing.write(nop(5));
        groupRing.write(nop(6, { flags: ['IOSQE_IO_DRAIN'] }));
        t.same(
          completions(await groupRing.submitAndWait(2)),
          ['5:0', '6:0'],
          'completions up to a drained request',
        );
      });

  test('a refused group within a link fails with EINVAL and cancels what precedes and follows it: ECANCELED', {
    class: 'choice',
  }, async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.write(nop(1, LINK));
    groupRing.writeGroup(nop(2, LINK), nop(3, LINK), nop(4));
    groupRing.write(nop(5));
    t.same(
      completionsByTag(await groupRing.submitAndWait(3)),
      [`1:${CANCELED}`, '2:-EINVAL', `5:${CANCELED}`],
      'completions of the link',
    );
  });

  test('a refused group at the head of a link fails with EINVAL and cancels the next group with all its CQEs', {
    class: 'choice',
  }, async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.writeGroup(nop(1, HARD), nop(2, LINK), nop(3));
    groupRing.writeGroup(nop(4), nop(5));
    t.same(
      completionsByTag(await groupRing.submitAndWait(3)),
      ['1:-EINVAL', `4:${CANCELED}`, `5:${CANCELED}`],
      'completions of the link',
    );
  });

  test('a linked timeout as a member, as a leader or of a group fails with EINVAL', {
    class: 'choice',
  }, async (t) => {
    const spec = ioMemory(t, 16);
    const timeout = { opcode: 'IORING_OP_LINK_TIMEOUT', len: 1, addr: spec.address };
    const groupRing = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
    groupRing.writeGroup(nop(1), { ...timeout, userData: 2 });
    t.same(
      completionsByTag(await groupRing.submitAndWait(2)),
      [`1:${CANCELED}`, '2:-EINVAL'],
      'completions with a linked timeout as member',
    );
    groupRing.write(nop(1, LINK));
    groupRing.writeGroup({ ...timeout, ...LINK, userData: 2 }, nop(3));
    groupRing.write(nop(4));
    t.same(
      completionsByTag(await groupRing.submitAndWait(4)),
      [`1:${CANCELED}`, '2:-EINVAL', `3:${CANCELED}`, `4:${CANCELED}`],
      'completions with a linked timeout as leader',
    );
    groupRing.writeGroup(nop(1, LINK), nop(2));
    groupRing.write({ ...timeout, userData: 3 });
    t.same(
      completionsByTag(await groupRing.submitAndWait(3)),
      [`1:${CANCELED}`, `2:${CANCELED}`, '3:-EINVAL'],
      'completions with a linked timeout of the group',
    );
  });

  // Its notification would arrive before its own CQE, which waits for the members.
  for (const opcode of ['IORING_OP_SEND_ZC', 'IORING_OP_SENDMSG_ZC'])
    test(`${opcode} as leader fails with EINVAL`, { class: 'choice' }, async (t) => {
      const { sender } = await connected(t, { family: 'tcp' });
      const groupRing = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
      const send = {
        opcode,
        fd: sender,
        addr: ioMemory(t, 64).address,
        len: opcode.includes('MSG') ? 1 : 64,
      };
      groupRing.writeGroup({ ...send, userData: 1 }, nop(2));
      t.same(
        completionsByTag(await groupRing.submitAndWait(2)),
        ['1:-EINVAL', `2:${CANCELED}`],
        'completions of the group',
      );
    });

  test('IORING_OP_SEND_ZC as member sends 64 bytes and posts its notification', async (t) => {
    const { sender } = await connected(t, { family: 'tcp' });
    const groupRing = new GroupRing(t);
    const send = { opcode: 'IORING_OP_SEND_ZC', fd: sender, addr: ioMemory(t, 64).address, len: 64 };
    groupRing.writeGroup(nop(1), { ...send, userData: 2 });
    t.same(
      completionsByTag(await groupRing.submitAndWait(3)).sort(),
      ['1:0', '2:0', '2:64'],
      'completions of the group, notification included',
    );
  });

  test('a restricted ring that allows IOSQE_IO_LINK only refuses a group: EACCES', {
    class: 'safety',
  }, async (t) => {
    const groupRing = new GroupRing(t, { flags: ['IORING_SETUP_R_DISABLED'] });
    const { uapi } = t;
    const restrictions = new DataView(new ArrayBuffer(3 * uapi.size('io_uring_restriction')));
    const put = (index: number, opcode: string, value: number) => {
      const at = index * uapi.size('io_uring_restriction');
      restrictions.setUint16(at, uapi.constant(opcode), true);
      restrictions.setUint8(at + 2, value);
    };
    put(0, 'IORING_RESTRICTION_SQE_OP', uapi.constant('IORING_OP_NOP'));
    put(1, 'IORING_RESTRICTION_SQE_FLAGS_ALLOWED', uapi.constant('IOSQE_IO_LINK'));
    // `wait` registers an eventfd that wakes the event loop.
    put(2, 'IORING_RESTRICTION_REGISTER_OP', uapi.constant('IORING_REGISTER_EVENTFD'));
    const register = (opcode: string, argument: Uint8Array | null, count: number) =>
      groupRing.ring.register(uapi.constant(opcode), argument, count);
    register('IORING_REGISTER_RESTRICTIONS', new Uint8Array(restrictions.buffer), 3);
    register('IORING_REGISTER_ENABLE_RINGS', null, 0);
    groupRing.writeGroup(nop(1), nop(2));
    t.same(
      withFailedMembers(t, await groupRing.submitAndWait(2), [2]),
      ['1:-EACCES', `2:${CANCELED}`],
      'completions of the group',
    );
  });
});
