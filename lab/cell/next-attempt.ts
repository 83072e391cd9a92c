import type { CellSpec } from '../model/cell.ts';
import type { CellRecord } from '../model/run.ts';
import { mayRestart } from './damage.ts';

type Result = Pick<CellRecord, 'verdict' | 'attempts'>;

const notBegunOf = ({ attempts }: Result): string[] => attempts.flatMap((attempt) => attempt.notBegun ?? []);

/** Whether a fresh guest could take what the last one did not begin. Not where the lab is at fault, or the last attempt made no progress. */
function hasRest(spec: CellSpec, result: Result): boolean {
  const rest = notBegunOf(result).length;
  if (rest === 0 || !mayRestart(spec) || result.verdict === 'lab-failed') return false;
  return !spec.tests || rest < spec.tests.length;
}

/** Whether a cell has used up its fresh guests. A cell whose guests run a few tests each needs as many as there are. */
const isUsedUp = ({ attempt, most }: CellSpec, restarts: number) => most === undefined && attempt > restarts;

/**
 * The next attempt of a cell whose guest was lost or damaged: a fresh guest for the tests that the last one did not begin. The test that
 * was running is not among them: its result stands. Undefined when nothing is left, and after `restarts` fresh guests.
 */
export function nextAttempt(spec: CellSpec, result: Result, restarts: number): CellSpec | undefined {
  if (!hasRest(spec, result) || isUsedUp(spec, restarts)) return undefined;
  return { ...spec, attempt: spec.attempt + 1, tests: notBegunOf(result) };
}

/** The result of a last attempt, with the limit as a reason where fresh guests were used up before the tests were. */
export function withLimit(spec: CellSpec, result: CellRecord, restarts: number): CellRecord {
  if (!hasRest(spec, result) || !isUsedUp(spec, restarts)) return result;
  const rest = new Set(notBegunOf(result));
  const limit = restarts === 0 ? '--restarts 0' : `--restarts ${restarts} fresh guests are used up`;
  const tests = result.tests.map((test) =>
    rest.has(test.name) && test.verdict === 'lost'
      ? { ...test, reason: `${test.reason ?? 'no result arrived'}; ${limit}` }
      : test,
  );
  return { ...result, tests };
}
