import { openRing, type Pipe, pipe, suite, type Test, test, until } from '../lib/index.ts';
import { GroupRing, nop, WAYS, waiting } from './groups.ts';
import { message, watching } from './waits.ts';

/** Where a group is when its ring goes away. */
const STAGES: Record<string, (t: Test, on: GroupRing, held: Pipe) => void> = {
  'its leader waits': (t, on, held) => on.group(waiting(t, held, 1), nop(2), nop(3)),
  'its leader waits in a worker': (t, on, held) =>
    on.group(waiting(t, held, 1, ['IOSQE_ASYNC']), nop(2), nop(3)),
  'its members wait': (t, on, held) => on.group(nop(1), waiting(t, held, 2), nop(3), waiting(t, held, 4)),
  'its members wait in workers': (t, on, held) =>
    on.group(nop(1), waiting(t, held, 2, ['IOSQE_ASYNC']), waiting(t, held, 3, ['IOSQE_ASYNC'])),
  'it waits in a link': (t, on, held) => {
    on.ring.sqe(waiting(t, held, 1, ['IOSQE_IO_LINK']));
    on.group(nop(2, { flags: ['IOSQE_IO_LINK'] }), nop(3), nop(4));
    on.ring.sqe(nop(5));
  },
  'it is drained': (t, on, held) => {
    on.ring.sqe(waiting(t, held, 1));
    on.group(nop(2, { flags: ['IOSQE_IO_DRAIN'] }), nop(3), nop(4));
  },
  'its leader has a file that is another ring, its members wait': (t, on, held) =>
    on.group(message(openRing(t), 1), waiting(t, held, 2), watching(held, 3)),
  'it was cut off': (t, on, held) => on.cutOff(waiting(t, held, 1), waiting(t, held, 2)),
};

suite('the end of a ring', {}, () => {
  for (const [way, flags] of Object.entries(WAYS))
    for (const [stage, put] of Object.entries(STAGES))
      test(`${way} is closed while a group is on it: ${stage}`, async (t) => {
        const on = new GroupRing(t, { flags });
        const [held, trace] = [pipe(t), pipe(t)];
        // The kernel lets go of it with the ring, which it frees when there is no request left.
        on.ring.registerFiles([trace.writer]);
        trace.closeWriter();
        put(t, on, held);
        on.submit();
        on.ring.enter(0, 0, t.uapi.constant('IORING_ENTER_GETEVENTS'));
        t.ok(!trace.released(), 'the ring is there');
        on.ring.close();
        await until('the ring freed, its requests done', trace.released, 10_000);
      });
});
