import {
  groupMarking,
  openRing,
  pipe,
  type SqeFields,
  startChild,
  suite,
  type Test,
  test,
  until,
} from '../lib/index.ts';
import { nop, pipeRead } from './groups.ts';
import { futexWait, messageTo, pipePoll, timeout } from './waits.ts';

/**
 * Submits a group from a child process, on top of each SQE's own flags. The returned function kills the child; it throws when
 * the child does not exit or its ring is not freed: the ring has the writer of a pipe registered, which nothing else holds open
 * once the child has exited.
 */
async function submitFromChild(t: Test, sqes: readonly SqeFields[]): Promise<() => Promise<void>> {
  const { marked } = groupMarking(t.uapi);
  const trace = pipe(t);
  const commands = sqes.map((sqe, index) => (index < sqes.length - 1 ? marked(sqe) : sqe));
  const argument = new Uint8Array(Int32Array.of(trace.writer).buffer);
  const child = startChild(t, {
    commands,
    shape: 'plain',
    registrations: [{ opcode: 'IORING_REGISTER_FILES', argument, count: 1 }],
    keep: [trace.writer],
  });
  t.equal(await child.submitted(), sqes.length, 'SQEs that the child submitted');
  trace.closeWriter();
  t.ok(!trace.released(), 'the ring exists until the child is killed');
  return async () => {
    child.kill();
    t.same(await child.wait(5000), { signal: 9 }, 'exit status of the child');
    await until('the ring is freed', trace.released, 10_000);
  };
}

/** How a member waits. Exit cancellation has separate code for each kind. */
const MEMBERS: Record<string, (t: Test, tag: number) => SqeFields> = {
  'in poll': (t, tag) => pipePoll(pipe(t), tag),
  'for a read': (t, tag) => pipeRead(t, pipe(t), tag),
  'in io-wq': (t, tag) => pipeRead(t, pipe(t, { blocking: true }), tag, ['IOSQE_ASYNC']),
  'for a timeout': timeout,
  'on a futex': futexWait,
};

suite('exit of a process', { class: 'safety' }, () => {
  test('a process killed while the leader of its group waits exits, and its ring is freed', async (t) => {
    const kill = await submitFromChild(t, [pipeRead(t, pipe(t), 1), nop(2), nop(3)]);
    await kill();
  });

  for (const [how, member] of Object.entries(MEMBERS)) {
    test(`a process killed while members of its group wait ${how} exits, and its ring is freed`, async (t) => {
      const kill = await submitFromChild(t, [nop(1), member(t, 2), member(t, 3)]);
      await kill();
    });

    // The completed leader holds the other ring until its members end, and exit waits for requests on ring files.
    test(`a process killed while members wait ${how} and their leader holds another ring exits, and its ring is freed`, async (t) => {
      const otherRing = openRing(t, { shape: 'plain' });
      const kill = await submitFromChild(t, [messageTo(otherRing, 1), member(t, 2), member(t, 3)]);
      t.equal((await otherRing.wait(1)).length, 1, 'CQEs that the leader posted to the other ring');
      await kill();
    });
  }
});
