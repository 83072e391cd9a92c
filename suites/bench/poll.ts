import { openRing, type Pipe, pipe, type Test, test } from '../lib/index.ts';
import { measure } from './measure.ts';
import { DEFER_TASKRUN, INSTRUCTION_CLOCK, type LoadedRing } from './turns.ts';

/** POLLIN (asm-generic/poll.h). */
const POLLIN = 1;

/** A ring of polls that all wait for the same pipe. */
function load(t: Test, depth: number, { reader, writer }: Pipe): LoadedRing {
  const ring = openRing(t, { shape: 'plain', entries: depth, flags: DEFER_TASKRUN });
  ring.registerFiles([reader]);
  for (let index = 0; index < depth; index++)
    ring.sqe({
      ...{ opcode: 'IORING_OP_POLL_ADD', fd: 0, flags: ['IOSQE_FIXED_FILE'] },
      more: { poll32_events: POLLIN },
    });
  return { ring, release: () => ring.close(), turn: { trigger: writer, drain: reader } };
}

/** Checks that all polls complete in the call that is measured, and none before it. */
function check(t: Test, depth: number, trigger: Pipe): void {
  const { ring, release } = load(t, depth, trigger);
  ring.submit();
  trigger.feed();
  t.equal(ring.reap().length, 0, 'completions before the ring is entered');
  ring.enter(0, depth, t.uapi.constant('IORING_ENTER_GETEVENTS'));
  const cqes = ring.reap();
  t.equal(cqes.length, depth, 'completions of the call');
  for (const [index, { res }] of cqes.entries())
    t.equal(res & POLLIN, POLLIN, `POLLIN in the CQE res of poll ${index}`);
  trigger.drain();
  release();
}

/** Registers the test of completions: polls of one pipe that one write wakes and one call reaps. */
export function benchPoll(depth: number): void {
  test(`poll depth ${depth}`, { uapi: DEFER_TASKRUN, facts: INSTRUCTION_CLOCK }, (t) => {
    const trigger = pipe(t);
    check(t, depth, trigger);
    measure(t, () => load(t, depth, trigger));
  });
}
