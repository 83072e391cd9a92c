import { ExitCode } from '../core/errors.ts';
import type { Comparison } from '../model/compare.ts';
import type { RunRecord } from '../model/run.ts';
import { isFailure } from '../model/verdict.ts';

function comparisonFails(comparison: Comparison): boolean {
  // A lost result proves nothing on either side, so a failure beside a lost result is not known to be old.
  const unproven = comparison.tests.some(
    ({ base, patched, change }) =>
      patched === 'lost' || (patched && isFailure(patched) && (change === 'new' || base === 'lost')),
  );
  return (
    unproven ||
    // What such a run has not got to proves nothing.
    (comparison.unfinished?.length ?? 0) > 0 ||
    comparison.regressed > 0 ||
    comparison.tests.length === 0 ||
    comparison.brokenCells.some((cell) => cell.side === 'patched') ||
    comparison.newComplaints.some((complaint) => complaint.fatal)
  );
}

function recordFails({ cells, kernels }: RunRecord): boolean {
  return (
    kernels.some((kernel) => kernel.failure) ||
    cells.every((cell) => cell.tests.length === 0) ||
    cells.some((cell) => cell.verdict !== 'done' || cell.complaints.some((complaint) => complaint.fatal)) ||
    cells.some((cell) => cell.tests.some((test) => isFailure(test.verdict)))
  );
}

/**
 * Exit code of a run: 130 when it was interrupted, 3 when the lab failed or the run did not end, 1 when the patched side is worse, broken or unproven
 * (`comparison`), or without a comparison when anything failed or nothing was tested.
 */
export function exitCodeOfRun(record: RunRecord, comparison?: Comparison): number {
  if (record.interrupted) return ExitCode.interrupted;
  if (record.failures.length > 0 || record.unfinished) return ExitCode.lab;
  if (comparison) return exitCodeOfComparison(comparison);
  return recordFails(record) ? ExitCode.failed : ExitCode.ok;
}

/** Exit code of a comparison: 1 when the patched side is worse, broken or unproven. */
export const exitCodeOfComparison = (comparison: Comparison): number =>
  comparisonFails(comparison) ? ExitCode.failed : ExitCode.ok;
