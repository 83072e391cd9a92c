import {
  connected,
  groupMarking,
  ioMemory,
  openRing,
  type SqeFields,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { ZERO_COPY } from '../lib/ublk/datapath.ts';
import { USER_COPY_FLAGS } from '../lib/ublk/server.ts';
import {
  assertZeroed,
  LENGTH,
  leaderSqe,
  member,
  type PendingRequest,
  patternFile,
  pendingRequest,
  results,
  taggedResults,
} from './pending.ts';

const MEMBERS = 6;
const CANCELED = 'ECANCELED';
const SUBMIT_ALL = { shape: 'plain', flags: ['IORING_SETUP_SUBMIT_ALL'] } as const;

/** Writes a group to a ring of the test: the leader (userData 1) lends the pending request, members have userData from 2 on. */
function lendingGroup(
  t: Test,
  pending: PendingRequest,
  members: readonly SqeFields[],
  { leaderFlags = [] as readonly string[] } = {},
) {
  const ring = openRing(t, SUBMIT_ALL);
  const { mark } = groupMarking(t.uapi);
  mark(ring.sqe({ ...leaderSqe(t, pending), userData: 1, flags: leaderFlags }));
  members.forEach((sqe, index) => {
    const view = ring.sqe({ ...sqe, userData: 2 + index });
    if (index < members.length - 1) mark(view);
  });
  return ring;
}

suite('groups that are refused', { ...ZERO_COPY.needs, class: 'choice' }, () => {
  for (const flag of ['IOSQE_IO_LINK', 'IOSQE_IO_HARDLINK', 'IOSQE_IO_DRAIN'])
    test(`a group refused for ${flag} on any one of ${MEMBERS} members lends nothing, and its request can be lent again`, async (t) => {
      const pending = await pendingRequest(t, 'READ', LENGTH);
      const { file } = patternFile(t, LENGTH, 31);
      const refused = [`1:${-t.uapi.constant('EINVAL')}`];
      for (let position = 0; position < MEMBERS; position++) {
        const members = Array.from({ length: MEMBERS }, (_, index) => ({
          ...member('READ', file, index * 1000, 1000),
          flags: index === position ? [flag] : [],
        }));
        const ring = lendingGroup(t, pending, members);
        t.equal(ring.submit(), 1 + MEMBERS, 'SQEs submitted');
        t.same(
          taggedResults(await ring.wait(1)),
          refused,
          `CQEs (tag:res) when member ${position} has the flag`,
        );
        const [leader] = await pending.port.group(pending.request, { opcode: 'IORING_OP_NOP' });
        t.equal(leader?.res, 0, 'CQE res of a later leader that lends the request');
        t.same(taggedResults(ring.reap()), [], 'further CQEs (tag:res) of the refused group');
      }
      await pending.complete();
      assertZeroed(t, pending);
    });

  test('a refused group with a SEND_ZC member sends nothing and posts no notification, and a drained request completes', async (t) => {
    const pending = await pendingRequest(t, 'WRITE', LENGTH);
    const { sender, receiver } = await connected(t, { family: 'tcp' });
    const send = { opcode: 'IORING_OP_SEND_ZC', fd: sender, addr: 0n, len: LENGTH };
    const ring = lendingGroup(t, pending, [{ ...send, flags: ['IOSQE_IO_LINK'] }, send]);
    ring.submit();
    ring.sqe({ opcode: 'IORING_OP_NOP', userData: 8, flags: ['IOSQE_IO_DRAIN'] });
    ring.submit();
    const expected = [`1:${-t.uapi.constant('EINVAL')}`, '8:0'];
    t.same(taggedResults(await ring.wait(2, { timeoutMs: 2000 })), expected, 'CQEs (tag:res)');
    const memory = ioMemory(t, 1);
    ring.sqe({
      opcode: 'IORING_OP_RECV',
      fd: receiver,
      addr: memory.address,
      len: 1,
      userData: 9,
      more: { msg_flags: 0x40 },
    });
    ring.submit();
    t.same(
      taggedResults(await ring.wait(1)),
      [`9:${-t.uapi.constant('EAGAIN')}`],
      'CQE (tag:res) of the receiver',
    );
    await pending.complete();
  });

  test('members of a leader whose device does not lend fail with ECANCELED and take no offset for an address', async (t) => {
    const pending = await pendingRequest(t, 'READ', 4096, { flags: USER_COPY_FLAGS });
    const { file } = patternFile(t, 4096, 32);
    const userMemory = ioMemory(t, 4096);
    const reads = Array.from({ length: MEMBERS }, () => ({
      ...member('READ', file, userMemory.address, 4096),
    }));
    const answered = await pending.port.group(pending.request, ...reads);
    const canceled = -t.uapi.constant(CANCELED);
    const expected = [-t.uapi.constant('EOPNOTSUPP'), ...Array(MEMBERS).fill(canceled)];
    t.same(results(answered), expected, 'CQE res of leader and members');
    t.bytes(userMemory.bytes, new Uint8Array(4096), 'user memory at the address in the SQEs of the members');
    await pending.fail();
  });
});

suite('drain', { ...ZERO_COPY.needs, class: 'contract' }, () => {
  test('a drained leader lends when the request before it has completed, and a drained request waits for its group', async (t) => {
    const pending = await pendingRequest(t, 'READ', LENGTH);
    const { file, bytes } = patternFile(t, LENGTH, 33);
    const ring = openRing(t, SUBMIT_ALL);
    const { mark } = groupMarking(t.uapi);
    const drained = ['IOSQE_IO_DRAIN'];
    ring.sqe({ opcode: 'IORING_OP_NOP', userData: 9, flags: ['IOSQE_ASYNC'] });
    mark(ring.sqe({ ...leaderSqe(t, pending), userData: 1, flags: drained }));
    ring.sqe({ ...member('READ', file, 0, LENGTH), userData: 2 });
    ring.sqe({ opcode: 'IORING_OP_NOP', userData: 8, flags: drained });
    ring.submit();
    t.same(
      taggedResults(await ring.wait(4, { timeoutMs: 2000 })),
      ['9:0', `2:${LENGTH}`, '1:0', '8:0'],
      'CQEs (tag:res)',
    );
    await pending.complete();
    t.bytes(pending.memory.bytes, bytes, 'client memory');
  });

  test('a drained request completes after a group that sent lent memory by SEND_ZC', async (t) => {
    const pending = await pendingRequest(t, 'WRITE', LENGTH);
    const { sender } = await connected(t, { family: 'tcp' });
    const send = { opcode: 'IORING_OP_SEND_ZC', fd: sender, addr: 0n, len: 512 };
    const ring = lendingGroup(t, pending, [send, { ...send, addr: 512n }]);
    ring.submit();
    // Two sends, two notifications, and the leader.
    t.equal((await ring.wait(5)).length, 5, 'CQEs of the group');
    ring.sqe({ opcode: 'IORING_OP_NOP', userData: 8, flags: ['IOSQE_IO_DRAIN'] });
    ring.submit();
    t.same(
      taggedResults(await ring.wait(1, { timeoutMs: 2000 })),
      ['8:0'],
      'CQE (tag:res) of the drained request',
    );
    await pending.complete();
  });
});
