import fc from 'fast-check';
import { AssertionError } from './assert.ts';
import type { Test } from './test.ts';
import { SkipError } from './uapi.ts';

/** How many cases are tried, and after how many ms no more are (a failure need not be the smallest then). */
export interface Trials {
  runs: number;
  limitMs?: number;
}

/**
 * Does `act` to random cases, from the cell's seed. Throws AssertionError with the smallest that fails, and how to see it again;
 * SkipError as it is.
 */
export async function holds<T>(
  t: Test,
  cases: fc.Arbitrary<T>,
  act: (one: T) => Promise<void>,
  { runs, limitMs }: Trials,
): Promise<void> {
  const { seed } = t.lab.cell;
  // Before: a test that runs out of time has to tell its seed too.
  t.note(`seed ${seed}, ${runs} cases; again with --seed ${seed}`);
  const limit = limitMs === undefined ? {} : { interruptAfterTimeLimit: limitMs };
  const property = fc.asyncProperty(cases, act);
  const found = await fc.check(property, { seed, numRuns: runs, ...limit });
  if (found.interrupted) t.note(`time was up after ${found.numRuns} of them`);
  if (!found.failed) return;
  if (found.errorInstance instanceof SkipError) throw found.errorInstance;
  const { quantity, message, expected, got } = found.errorInstance as Partial<AssertionError>;
  const how = `seed ${found.seed}, path ${found.counterexamplePath}, shrunk ${found.numShrinks} times`;
  const [smallest] = found.counterexample ?? [];
  throw new AssertionError(`${quantity ?? message}; ${how}: ${JSON.stringify(smallest)}`, expected, got);
}
