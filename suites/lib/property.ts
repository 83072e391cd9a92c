import fc from 'fast-check';
import { AssertionError } from './assert.ts';
import type { Test } from './test.ts';
import { SkipError } from './uapi.ts';

/** How many random cases are tried. */
export interface Trials {
  runs: number;
  /** Time limit of all runs, ms: no further case is tried after it, and a failure may then not be the smallest. */
  limitMs?: number;
}

/** What the smallest failing case did, as the parts of an AssertionError. */
function failureOf(error: unknown): Pick<AssertionError, 'quantity' | 'expected' | 'got'> {
  if (error instanceof AssertionError) return error;
  return { quantity: 'outcome', expected: 'no error', got: String(error) };
}

/**
 * Runs `act` with random cases drawn from the cell's seed. Throws AssertionError for the smallest case that fails, with what is
 * needed to run it again: `CQE res in case {"depth":3} (seed 7, path 0:1, shrunk 4 times): expected 0, got -5`. A SkipError of a
 * case is thrown as it is.
 */
export async function holds<T>(
  t: Test,
  cases: fc.Arbitrary<T>,
  act: (testCase: T) => Promise<void>,
  { runs, limitMs }: Trials,
): Promise<void> {
  const { seed } = t.lab.cell;
  // Noted first, so that a test that exceeds its deadline reports its seed too.
  t.note(`seed ${seed}, ${runs} cases; again with --seed ${seed}`);
  const limit = limitMs === undefined ? {} : { interruptAfterTimeLimit: limitMs };
  const property = fc.asyncProperty(cases, act);
  const details = await fc.check(property, { seed, numRuns: runs, ...limit });
  if (details.interrupted) t.note(`stopped by the time limit after ${details.numRuns} cases`);
  if (!details.failed) return;
  if (details.errorInstance instanceof SkipError) throw details.errorInstance;
  const { quantity, expected, got } = failureOf(details.errorInstance);
  const [smallest] = details.counterexample ?? [];
  const replay = `seed ${details.seed}, path ${details.counterexamplePath}, shrunk ${details.numShrinks} times`;
  throw new AssertionError(`${quantity} in case ${JSON.stringify(smallest)} (${replay})`, expected, got);
}
