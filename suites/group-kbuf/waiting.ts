import { groupMarking, openRing, type Pipe, type Test, type TestRing } from '../lib/index.ts';
import { leaderSqe, member, type PendingRequest, taggedResults } from './pending.ts';

/**
 * Submits a group on a ring of the test: the leader (userData 1) lends the pending request, one member (2) waits for a byte of
 * the pipe, the other (3) is a NOP.
 */
export function submitWaitingGroup(
  t: Test,
  pending: PendingRequest,
  { reader }: Pipe,
  flags: readonly string[] = [],
): TestRing {
  const ring = openRing(t, { shape: 'plain' });
  const { mark } = groupMarking(t.uapi);
  mark(ring.sqe({ ...leaderSqe(t, pending), userData: 1 }));
  mark(ring.sqe({ ...member('READ', { fd: reader }, 512, 1), off: -1, userData: 2, flags }));
  ring.sqe({ opcode: 'IORING_OP_NOP', userData: 3 });
  t.equal(ring.submit(), 3, 'SQEs submitted');
  return ring;
}

/** The NOP has completed: the group is issued, and its other member waits. */
export const assertMemberWaits = async (t: Test, ring: TestRing) =>
  t.same(taggedResults(await ring.wait(1)), ['3:0'], 'first CQE of the group (tag:res)');

/** Lets the waiting member go on, and the group end. */
export async function finishGroup(t: Test, ring: TestRing, input: Pipe): Promise<void> {
  input.feed();
  t.same(taggedResults(await ring.wait(2)), ['2:1', '1:0'], 'CQEs of waiting member and leader (tag:res)');
}
