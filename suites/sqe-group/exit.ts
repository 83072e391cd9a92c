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
import { nop, waiting } from './groups.ts';
import { futex, message, timeout, watching } from './waits.ts';

/**
 * Submits a group from a process of its own; an SQE's own flags are kept. Gives what kills the process, and throws if it does
 * not end or if its ring stays: the ring has the writer of a pipe registered, which is open nowhere else then.
 */
async function submitter(t: Test, sqes: readonly SqeFields[]): Promise<() => Promise<void>> {
  const { name } = groupMarking(t.uapi);
  if (name !== 'IOSQE_SQE_GROUP') t.skip('children write flags by their names');
  const trace = pipe(t);
  const commands = sqes.map((sqe, index) => ({
    ...sqe,
    flags: [...((sqe.flags ?? []) as readonly string[]), ...(index < sqes.length - 1 ? [name] : [])],
  }));
  const argument = new Uint8Array(Int32Array.of(trace.writer).buffer);
  const child = startChild(t, {
    commands,
    shape: 'plain',
    registrations: [{ opcode: 'IORING_REGISTER_FILES', argument, count: 1 }],
    keep: [trace.writer],
  });
  t.equal(await child.submitted(), sqes.length);
  trace.closeWriter();
  t.ok(!trace.released(), 'the ring is there');
  return async () => {
    child.kill();
    t.same(await child.wait(5000), { signal: 9 });
    await until('the ring freed, its requests done', trace.released, 10_000);
  };
}

/** How a member waits: who looks for what an exiting task has to cancel finds each by code of its own. */
const MEMBERS: Record<string, (t: Test, tag: number) => SqeFields> = {
  'by polling': (t, tag) => watching(pipe(t), tag),
  'to read': (t, tag) => waiting(t, pipe(t), tag),
  'in workers': (t, tag) => waiting(t, pipe(t, { blocking: true }), tag, ['IOSQE_ASYNC']),
  'for their time': timeout,
  'for a futex': futex,
};

suite('the end of a process', {}, () => {
  test('a process is killed with a group on its ring: its leader waits', async (t) => {
    const kill = await submitter(t, [waiting(t, pipe(t), 1), nop(2), nop(3)]);
    await kill();
  });

  for (const [how, member] of Object.entries(MEMBERS)) {
    test(`a process is killed with a group on its ring: its members wait ${how}`, async (t) => {
      const kill = await submitter(t, [nop(1), member(t, 2), member(t, 3)]);
      await kill();
    });

    // The leader is done but holds the other ring for as long as it has members, and the process waits for it.
    test(`a process is killed whose leader has a ring for its file: its members wait ${how}`, async (t) => {
      const other = openRing(t, { shape: 'plain' });
      const kill = await submitter(t, [message(other, 1), member(t, 2), member(t, 3)]);
      t.equal((await other.wait(1)).length, 1, 'the leader has said its word');
      await kill();
    });
  }
});
