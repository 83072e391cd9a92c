import { renderReport } from '../../reports/index.ts';
import { compareRecords } from '../compare/compare.ts';
import { exitCodeOfComparison } from '../compare/exit.ts';
import { outcomeOf } from '../compare/outcome.ts';
import type { Comparison } from '../model/compare.ts';
import { check } from '../model/parse.ts';
import { RunRecord } from '../model/run.ts';
import { loadRun } from '../record/load.ts';
import { checkOptions } from './check.ts';
import type { CompareOptions, ReadOptions, ReportOptions, RunRef } from './options.ts';
import { allowedBy, RUNS_DIR } from './request.ts';

/** Two runs compared. */
export interface ComparisonResult {
  comparison: Comparison;
  /** Exit code of `ringlab compare`: 1 when the later run is worse, broken or unproven. */
  exitCode: number;
}

async function recordOf(run: RunRef, { runsDir = RUNS_DIR }: ReadOptions): Promise<RunRecord> {
  return typeof run === 'string' ? loadRun(run, runsDir) : check(RunRecord, run, 'the run record');
}

/**
 * Reads the record of a run: by its folder, its `run.json`, a log of events (`*.ndjson`), its id, or `latest`. Throws InputError when
 * there is no such run, or the file is no record.
 *
 * @example
 * const { cells } = await readRun('latest');
 */
export async function readRun(run: string, options: ReadOptions = {}): Promise<RunRecord> {
  checkOptions('read', options, 'readRun(run, options)');
  return recordOf(run, options);
}

/**
 * Compares two runs, test by test: `base` is the earlier run. `comparison.unproven` has what the later run does not show. Throws InputError when one of them cannot be read.
 *
 * @example
 * const { comparison, exitCode } = await compare('runs/monday', 'runs/tuesday');
 * for (const { cell, name, change } of comparison.tests) if (change === 'regressed') console.log(cell, name);
 */
export async function compare(
  base: RunRef,
  patched: RunRef,
  options: CompareOptions = {},
): Promise<ComparisonResult> {
  checkOptions('compare', options, 'compare(base, patched, options)');
  const [from, to] = await Promise.all([recordOf(base, options), recordOf(patched, options)]);
  const comparison = compareRecords(from, to, allowedBy(options));
  return { comparison, exitCode: exitCodeOfComparison(comparison) };
}

/**
 * Renders a run in one of the formats of `ringlab report`; an HTML page has no links to logs. Throws InputError when it cannot be read.
 *
 * @example
 * await writeFile(file, await report('latest', { format: 'markdown' }));
 *
 * @example
 * // Two runs.
 * const { comparison } = await compare('runs/monday', 'runs/tuesday');
 * console.log(await report('runs/tuesday', { comparison }));
 */
export async function report(run: RunRef, options: ReportOptions = {}): Promise<string> {
  const { format = 'text', comparison, ...place } = checkOptions('report', options, 'report(run, options)');
  const record = await recordOf(run, options);
  return renderReport(format, { ...place, record, comparison: comparison ?? outcomeOf(record).comparison });
}
