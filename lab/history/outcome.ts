import type { Rate } from '../model/rate.ts';
import type { TestResult } from '../model/result.ts';
import type { RunRecord } from '../model/run.ts';
import { isFailure } from '../model/verdict.ts';

/** What a result says of its kernel. `none`: nothing, because the test was skipped, is not expected to pass, or was cut off. */
export type Outcome = 'pass' | 'fail' | 'none';

/** The outcome of a test in a run. A test that is lost because its run was ended says nothing; any other lost test has failed. */
export function outcomeIn(
  { interrupted, unfinished }: Pick<RunRecord, 'interrupted' | 'unfinished'>,
  { verdict }: Pick<TestResult, 'verdict'>,
): Outcome {
  if (verdict === 'lost' && (interrupted || unfinished)) return 'none';
  if (isFailure(verdict)) return 'fail';
  return verdict === 'pass' ? 'pass' : 'none';
}

/** The rate of a test whose record has none: it ran once, or gave no outcome. */
export function rateOfOutcome(outcome: Outcome, rate: Rate | undefined): Rate {
  if (rate) return { failed: rate.failed, runs: rate.runs };
  return { failed: outcome === 'fail' ? 1 : 0, runs: outcome === 'none' ? 0 : 1 };
}
