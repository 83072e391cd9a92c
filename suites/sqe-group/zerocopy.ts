import { memberError, suite, test } from '../lib/index.ts';
import { collect } from './collect.ts';
import { badFile, GroupRing, nop } from './groups.ts';
import { SENT, withNotifications, ZERO_COPY_OPCODES, zeroCopySendTcp } from './zerocopy-requests.ts';

const LINK = { flags: ['IOSQE_IO_LINK'] };
const SUBMIT_ALL = { flags: ['IORING_SETUP_SUBMIT_ALL'] };
const CANCELED = '-ECANCELED';

/** Flags of a failing request whose cancelled requests post no CQEs. */
const SILENT = 'IOSQE_CQE_SKIP_SUCCESS';

suite('zero-copy sends that post nothing', { class: 'contract' }, () => {
  for (const opcode of ZERO_COPY_OPCODES) {
    test(`${opcode} as member of a refused group posts neither CQE nor notification`, async (t) => {
      const groupRing = new GroupRing(t, SUBMIT_ALL);
      groupRing.writeGroup(nop(1), { ...(await zeroCopySendTcp(t, opcode, 2)), ...LINK }, nop(3));
      const cqes = await collect(groupRing, 1);
      // Notifications are posted by task work, which has run by the time that a later request completes.
      groupRing.write(nop(4));
      cqes.push(...(await collect(groupRing, 1)), ...groupRing.ring.reap());
      t.same(
        withNotifications(t, cqes),
        ['1:-EINVAL', '4:0'],
        'completions of the refused group and a later NOP',
      );
    });

    for (const [what, flags] of [
      ['in a group whose leader', []],
      ['linked to a request that', ['IOSQE_IO_LINK']],
    ] as const)
      test(`${opcode} ${what} fails with ${SILENT} posts neither CQE nor notification`, async (t) => {
        const groupRing = new GroupRing(t);
        groupRing.write(badFile(1, { flags: [...flags, SILENT] }), flags.length === 0);
        groupRing.write(await zeroCopySendTcp(t, opcode, 2));
        const cqes = await collect(groupRing, 1);
        groupRing.write(nop(3));
        cqes.push(...(await collect(groupRing, 1)), ...groupRing.ring.reap());
        t.same(
          withNotifications(t, cqes),
          ['1:-EBADF', '3:0'],
          'completions of the failed request and a later NOP',
        );
      });
  }
});

suite('zero-copy sends that post both', { class: 'contract' }, () => {
  for (const opcode of ZERO_COPY_OPCODES) {
    test(`${opcode} cancelled with its group posts its CQE (ECANCELED) and its notification`, async (t) => {
      const groupRing = new GroupRing(t);
      groupRing.writeGroup(badFile(1), await zeroCopySendTcp(t, opcode, 2));
      const cqes = await collect(groupRing, 3);
      t.same(
        withNotifications(
          t,
          cqes.map((cqe) => (cqe.tag === 2 ? { ...cqe, res: memberError(t, cqe.res) } : cqe)),
        ).sort(),
        ['1:-EBADF', `2:${CANCELED}`, '2:0 notification'],
        'completions of the group',
      );
      const send = cqes.find(({ tag, res }) => tag === 2 && res !== 0);
      t.ok(
        (send?.flags ?? 0) & t.uapi.constant('IORING_CQE_F_MORE'),
        'the CQE of the cancelled send announces the notification (IORING_CQE_F_MORE)',
      );
    });

    // A worker leaves the notification to the clean-up of the request, which no longer posts CQEs by then.
    for (const [how, flags] of [
      ['', []],
      [' in io-wq', ['IOSQE_ASYNC']],
    ] as const)
      test(`${opcode} as member${how} sends ${SENT} bytes, then posts its CQE and its notification`, async (t) => {
        const groupRing = new GroupRing(t);
        groupRing.writeGroup(nop(1), { ...(await zeroCopySendTcp(t, opcode, 2)), flags });
        t.same(
          withNotifications(t, await collect(groupRing, 3)).sort(),
          ['1:0', '2:0 notification', `2:${SENT}`],
          'completions of the group',
        );
      });
  }
});
