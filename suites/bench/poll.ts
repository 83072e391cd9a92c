import { openRing, type Pipe, pipe, type Test, test } from '../lib/index.ts';
import { measure } from './figures.ts';
import { COUNTING, DEFERRED } from './loaded.ts';

/** POLLIN (asm-generic/poll.h). */
const READABLE = 1;

/** Each request waits for the same pipe. */
function load(t: Test, depth: number, { reader, writer }: Pipe) {
  const ring = openRing(t, { shape: 'plain', entries: depth, flags: DEFERRED });
  ring.registerFiles([reader]);
  for (let index = 0; index < depth; index++)
    ring.sqe({
      ...{ opcode: 'IORING_OP_POLL_ADD', fd: 0, flags: ['IOSQE_FIXED_FILE'] },
      more: { poll32_events: READABLE },
    });
  return { ring, end: () => ring.close(), turn: { trigger: writer, drain: reader } };
}

/** Sees that nothing is complete before the call that is measured, and everything after it. */
function check(t: Test, depth: number, pipe: Pipe): void {
  const { ring, end } = load(t, depth, pipe);
  ring.submit();
  pipe.feed();
  t.equal(ring.reap().length, 0, 'some have completed before');
  ring.enter(0, depth, t.uapi.constant('IORING_ENTER_GETEVENTS'));
  const cqes = ring.reap();
  t.equal(cqes.length, depth);
  for (const { res } of cqes) t.equal(res & READABLE, READABLE);
  pipe.drain();
  end();
}

/** What it costs that requests complete: polls of one pipe, which are all woken at once, and taken by one call. */
export function benchPoll(depth: number): void {
  test(`poll depth ${depth}`, { uapi: DEFERRED, facts: COUNTING }, (t) => {
    const held = pipe(t);
    check(t, depth, held);
    measure(t, () => load(t, depth, held));
  });
}
