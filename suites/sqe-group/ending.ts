import { openRing, type Pipe, pipe, suite, type Test, test, until } from '../lib/index.ts';
import { GroupRing, nop, pipeRead, RING_KINDS } from './groups.ts';
import { messageTo, pipePoll } from './waits.ts';

/** Where a group is when its ring is closed, and what writes it so. */
const STAGES: Record<string, (t: Test, groupRing: GroupRing, empty: Pipe) => void> = {
  'whose leader waits in poll': (t, groupRing, empty) =>
    groupRing.writeGroup(pipeRead(t, empty, 1), nop(2), nop(3)),
  'whose leader waits in io-wq': (t, groupRing, empty) =>
    groupRing.writeGroup(pipeRead(t, empty, 1, ['IOSQE_ASYNC']), nop(2), nop(3)),
  'whose members wait in poll': (t, groupRing, empty) =>
    groupRing.writeGroup(nop(1), pipeRead(t, empty, 2), nop(3), pipeRead(t, empty, 4)),
  'whose members wait in io-wq': (t, groupRing, empty) =>
    groupRing.writeGroup(
      nop(1),
      pipeRead(t, empty, 2, ['IOSQE_ASYNC']),
      pipeRead(t, empty, 3, ['IOSQE_ASYNC']),
    ),
  'that waits in a link': (t, groupRing, empty) => {
    groupRing.write(pipeRead(t, empty, 1, ['IOSQE_IO_LINK']));
    groupRing.writeGroup(nop(2, { flags: ['IOSQE_IO_LINK'] }), nop(3), nop(4));
    groupRing.write(nop(5));
  },
  'that waits in drain': (t, groupRing, empty) => {
    groupRing.write(pipeRead(t, empty, 1));
    groupRing.writeGroup(nop(2, { flags: ['IOSQE_IO_DRAIN'] }), nop(3), nop(4));
  },
  'whose leader has another ring as its file while its members wait': (t, groupRing, empty) =>
    groupRing.writeGroup(messageTo(openRing(t), 1), pipeRead(t, empty, 2), pipePoll(empty, 3)),
  'that the end of the submission cut off': (t, groupRing, empty) =>
    groupRing.writeCutOffGroup(pipeRead(t, empty, 1), pipeRead(t, empty, 2)),
};

suite('closing a ring', { class: 'safety' }, () => {
  for (const [kind, flags] of Object.entries(RING_KINDS))
    for (const [stage, write] of Object.entries(STAGES))
      test(`${kind}: closing the ring cancels a group ${stage}, and the ring is freed`, async (t) => {
        const groupRing = new GroupRing(t, { flags });
        const [empty, trace] = [pipe(t), pipe(t)];
        // The ring keeps the registered writer open until it is freed, which takes the last request to end.
        groupRing.ring.registerFiles([trace.writer]);
        trace.closeWriter();
        write(t, groupRing, empty);
        groupRing.submit();
        groupRing.ring.enter(0, 0, t.uapi.constant('IORING_ENTER_GETEVENTS'));
        t.ok(!trace.released(), 'the ring exists until it is closed');
        groupRing.ring.close();
        await until('the ring is freed', trace.released, 10_000);
      });
});
