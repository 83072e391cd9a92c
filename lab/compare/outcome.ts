import type { Comparison } from '../model/compare.ts';
import { unprovenOf } from '../model/evidence.ts';
import type { RunRecord } from '../model/run.ts';
import type { Unproven } from '../model/unproven.ts';
import { compareSides, hasSides } from './compare.ts';
import { exitCodeOfRun } from './exit.ts';

/** The verdict on a run. */
export interface Outcome {
  /** What the run does not prove; absent where there is no such thing. */
  unproven?: Unproven[];
  /** Of the base and the patched kernels; absent when the run has one side only. */
  comparison?: Comparison;
  /** See `exitCodeOfRun`. */
  exitCode: number;
}

/** Compares the sides of a run, where it has both, and derives its exit code. */
export function outcomeOf(record: RunRecord): Outcome {
  const comparison = hasSides(record) ? compareSides(record) : undefined;
  const unproven = comparison ? (comparison.unproven ?? []) : unprovenOf(record);
  return {
    ...(unproven.length > 0 ? { unproven } : {}),
    ...(comparison ? { comparison } : {}),
    exitCode: exitCodeOfRun(record, comparison),
  };
}
