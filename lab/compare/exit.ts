import { ExitCode } from '../core/errors.ts';
import type { Comparison } from '../model/compare.ts';
import { unprovenOf } from '../model/evidence.ts';
import type { MutantRecord, RunRecord } from '../model/run.ts';
import { isFailure } from '../model/verdict.ts';

function comparisonFails(comparison: Comparison): boolean {
  // A lost result proves nothing on either side, so a failure beside a lost result is not known to be old.
  const isOpen = comparison.tests.some(
    ({ base, patched, change }) =>
      patched === 'lost' || (patched && isFailure(patched) && (change === 'new' || base === 'lost')),
  );
  return (
    isOpen ||
    (comparison.unproven?.length ?? 0) > 0 ||
    // What such a run has not got to proves nothing.
    (comparison.unfinished?.length ?? 0) > 0 ||
    comparison.regressed > (comparison.flakyFails ? 0 : (comparison.flaky ?? 0)) ||
    comparison.brokenCells.some((cell) => cell.side === 'patched') ||
    comparison.newComplaints.some((complaint) => complaint.fatal)
  );
}

function recordFails(record: RunRecord): boolean {
  const { cells } = record;
  return (
    unprovenOf(record).length > 0 ||
    cells.some((cell) => cell.verdict !== 'done' || cell.complaints.some((complaint) => complaint.fatal)) ||
    cells.some((cell) => cell.tests.some((test) => isFailure(test.verdict)))
  );
}

/** 0 when every mutant was killed, 1 when one survived, did not apply or did not build, or none was tried. */
export const exitCodeOfMutants = (mutants: readonly Pick<MutantRecord, 'killed'>[]): number =>
  mutants.length > 0 && mutants.every(({ killed }) => killed) ? ExitCode.ok : ExitCode.failed;

/**
 * Exit code of a run: 130 when it was interrupted, 3 when the lab failed or the run did not end, 1 when the patched side is worse, broken or unproven
 * (`comparison`), or without a comparison when anything failed or nothing was tested. Of a run over mutants as `exitCodeOfMutants`.
 */
export function exitCodeOfRun(record: RunRecord, comparison?: Comparison): number {
  if (record.interrupted) return ExitCode.interrupted;
  if (record.failures.length > 0 || record.unfinished) return ExitCode.lab;
  if (record.mutants) return exitCodeOfMutants(record.mutants);
  if (comparison) return exitCodeOfComparison(comparison);
  return recordFails(record) ? ExitCode.failed : ExitCode.ok;
}

/** Exit code of a comparison: 1 when the patched side is worse, broken or unproven. */
export const exitCodeOfComparison = (comparison: Comparison): number =>
  comparisonFails(comparison) ? ExitCode.failed : ExitCode.ok;
