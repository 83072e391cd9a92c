import type { Comparison } from '../model/compare.ts';
import type { RunRecord } from '../model/run.ts';
import { compareSides, hasSides } from './compare.ts';
import { exitCodeOfRun } from './exit.ts';

/** The verdict on a run. */
export interface Outcome {
  /** Of the base and the patched kernels; absent when the run has one side only. */
  comparison?: Comparison;
  /** See `exitCodeOfRun`. */
  exitCode: number;
}

/** Compares the sides of a run, where it has both, and derives its exit code. */
export function outcomeOf(record: RunRecord): Outcome {
  const comparison = hasSides(record) ? compareSides(record) : undefined;
  return { ...(comparison ? { comparison } : {}), exitCode: exitCodeOfRun(record, comparison) };
}
