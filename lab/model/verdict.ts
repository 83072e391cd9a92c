import { z } from 'zod';

/** Verdict of one test. `lost`: a result that should have come and did not. */
export const Verdict = z.enum(['pass', 'fail', 'skip', 'todo', 'timeout', 'crash', 'lost']);
export type Verdict = z.infer<typeof Verdict>;

/**
 * Verdict of a whole cell. `done`: the suite ran to its end and its tests say the rest. `lab-failed`: the lab could not run the
 * cell, which says nothing about the kernel.
 */
export const CellVerdict = z.enum([
  'done',
  'apply-failed',
  'build-failed',
  'boot-failed',
  'crash',
  'lost',
  'timeout',
  'lab-failed',
]);
export type CellVerdict = z.infer<typeof CellVerdict>;

/** The verdicts that make a test fail, and with it its cell, its run and a comparison. */
export const FAILURES = ['fail', 'timeout', 'crash', 'lost'] as const satisfies readonly Verdict[];

/** True for each verdict of `FAILURES`. */
export function isFailure(verdict: Verdict): boolean {
  return (FAILURES as readonly Verdict[]).includes(verdict);
}
