import type { Cqe, Test } from '../lib/index.ts';
import { completions, completionsByTag, type GroupRing, withFailedMembers } from './groups.ts';

/** Result of a cancelled request, as `completions` shows it. */
export const CANCELED = '-ECANCELED';
/** `user_data` of the cancel requests themselves. */
export const CANCEL_TAG = 100;

/** Writes a cancel of the requests with this `user_data`; it is submitted with what is written after it. */
export function writeCancel(groupRing: GroupRing, target: number, flags = 0): void {
  groupRing.write({
    ...{ opcode: 'IORING_OP_ASYNC_CANCEL', addr: BigInt(target), userData: CANCEL_TAG },
    more: { cancel_flags: flags },
  });
}

/** Completions other than those of cancel requests, by tag. */
export const ofGroups = (cqes: readonly Cqe[]) =>
  completionsByTag(cqes.filter(({ tag }) => tag !== CANCEL_TAG));
/** As `ofGroups`, of a group whose leader fails: see `withFailedMembers`. */
export const ofFailedGroup = (t: Test, cqes: readonly Cqe[], members: readonly number[]) =>
  withFailedMembers(
    t,
    cqes.filter(({ tag }) => tag !== CANCEL_TAG),
    members,
  );
/** Completions of cancel requests. */
export const ofCancel = (cqes: readonly Cqe[]) => completions(cqes.filter(({ tag }) => tag === CANCEL_TAG));
/** Completions of cancelled requests with these tags. */
export const canceled = (...tags: readonly number[]) => tags.map((tag) => `${tag}:${CANCELED}`);

/** The cancel found its target: 0, or EALREADY where an io-wq worker had just begun and the outcome is not known yet. Throws AssertionError. */
export function assertCancelled(t: Test, cqes: readonly Cqe[], inWorker: boolean): void {
  const result = ofCancel(cqes).join();
  const allowed = inWorker ? ['100:0', '100:-EALREADY'] : ['100:0'];
  t.ok(allowed.includes(result), `completion of the cancel is one of ${allowed.join(', ')}: ${result}`);
}
