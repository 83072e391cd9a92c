import { connected, ioMemory, pipe, suite, test } from '../lib/index.ts';
import { assertDrained } from './assert-drained.ts';
import { collect } from './collect.ts';
import { badFile, GroupRing, nop, pipeRead, RING_KINDS } from './groups.ts';
import {
  discard,
  SENT,
  withNotifications,
  ZERO_COPY_OPCODES,
  zeroCopySend,
  zeroCopySendTcp,
} from './zerocopy-requests.ts';

const LINK = { flags: ['IOSQE_IO_LINK'] };
const DRAIN = { flags: ['IOSQE_IO_DRAIN'] };

suite('drain after zero-copy sends', { class: 'contract' }, () => {
  for (const opcode of ZERO_COPY_OPCODES) {
    for (const [kind, flags] of Object.entries(RING_KINDS))
      test(`${kind}: a drained request after a group with ${opcode} and its notification completes`, async (t) => {
        const groupRing = new GroupRing(t, { flags });
        groupRing.writeGroup(nop(1), await zeroCopySendTcp(t, opcode, 2));
        t.same(
          withNotifications(t, await collect(groupRing, 3)).sort(),
          ['1:0', '2:0 notification', `2:${SENT}`],
          'completions of the group',
        );
        await assertDrained(t, groupRing, 'the group');
      });

    test(`a drained request after a refused group with ${opcode} completes`, async (t) => {
      const groupRing = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
      groupRing.writeGroup(nop(1), { ...(await zeroCopySendTcp(t, opcode, 2)), ...LINK }, nop(3));
      t.same(
        withNotifications(t, await collect(groupRing, 1)),
        ['1:-EINVAL'],
        'completions of the refused group',
      );
      await assertDrained(t, groupRing, 'the refused group');
    });

    test(`a drained request after a group whose failed leader cancels ${opcode} completes`, async (t) => {
      const groupRing = new GroupRing(t);
      groupRing.writeGroup(badFile(1), await zeroCopySendTcp(t, opcode, 2));
      t.equal((await collect(groupRing, 3)).length, 3, 'CQEs of the group, notification included');
      await assertDrained(t, groupRing, 'the group');
    });

    test(`a drained request after ${opcode} outside a group and its notification completes`, async (t) => {
      const groupRing = new GroupRing(t);
      groupRing.write(await zeroCopySendTcp(t, opcode, 1));
      t.same(
        withNotifications(t, await collect(groupRing, 2)),
        [`1:${SENT}`, '1:0 notification'],
        'completions of the send',
      );
      await assertDrained(t, groupRing, 'the send');
    });

    test(`a drained request before ${opcode} completes when the request before it has`, async (t) => {
      const groupRing = new GroupRing(t);
      const source = pipe(t);
      groupRing.write(pipeRead(t, source, 1));
      groupRing.write(nop(2, DRAIN));
      // The notification is allocated when the send is submitted, which is before it is issued.
      groupRing.write(await zeroCopySendTcp(t, opcode, 3));
      groupRing.submit();
      source.feed();
      t.same(
        withNotifications(t, await collect(groupRing, 4)).sort(),
        ['1:1', '2:0', '3:0 notification', `3:${SENT}`],
        'completions of the read, the drained request and the send',
      );
    });

    test(`a drained group with ${opcode} waits for the request before it, and a drained request for the group`, async (t) => {
      const groupRing = new GroupRing(t);
      const { sender } = await connected(t, { family: 'tcp' });
      groupRing.write(nop(1, { flags: ['IOSQE_ASYNC'] }));
      groupRing.writeGroup(
        nop(2, DRAIN),
        zeroCopySend(t, opcode, sender, 3),
        zeroCopySend(t, opcode, sender, 4),
      );
      groupRing.write(nop(5, DRAIN));
      const cqes = await collect(groupRing, 7);
      const order = withNotifications(t, cqes).filter((line) => !line.endsWith('notification'));
      t.equal(order[0], '1:0', `first of the completions ${order.join(' ')}`);
      t.same(order.slice(3), ['2:0', '5:0'], `last two of the completions ${order.join(' ')}`);
      await assertDrained(t, groupRing, 'all of these');
    });
  }

  // The network holds the data for as long as the peer does not read it. Later kernels drain by requests (8fb7aee05591) and wait.
  test('a drained request does not wait for the notification of a send before it, which may take as long as its peer', async (t) => {
    const sockets = await connected(t, { family: 'tcp', receiveBuffer: 4096, sendBuffer: 1 << 20 });
    const groupRing = new GroupRing(t);
    const { address: addr, length: len } = ioMemory(t, 64 << 10, 1);
    groupRing.writeGroup(nop(1), {
      ...{ opcode: 'IORING_OP_SEND_ZC', fd: sockets.sender, addr, len, userData: 2 },
    });
    const [sent, leader] = await collect(groupRing, 2);
    t.same([sent?.tag, leader?.tag], [2, 1], 'tags of the CQEs while the peer reads nothing');
    await assertDrained(t, groupRing, 'a group whose notification is outstanding');
    await discard(sockets, sent?.res ?? 0);
    t.same(withNotifications(t, await collect(groupRing, 1)), ['2:0 notification'], 'completions once read');
    await assertDrained(t, groupRing, 'the notification');
  });
});
