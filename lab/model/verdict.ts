import type { Verdict } from './result.ts';

/** The verdicts that make a test fail, and with it its cell, its run and a comparison. */
export const FAILURES = ['fail', 'timeout', 'crash', 'lost'] as const satisfies readonly Verdict[];

/** True for each verdict of `FAILURES`. */
export function isFailure(verdict: Verdict): boolean {
  return (FAILURES as readonly Verdict[]).includes(verdict);
}
