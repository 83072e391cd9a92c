import { InputError } from '../core/errors.ts';
import { type Comparison, MAX_PATCHED, type TestChange } from '../model/compare.ts';
import type { RunRecord } from '../model/run.ts';
import { isFailure, type Verdict } from '../model/verdict.ts';
import { type Couples, couplesOfRuns, couplesOfSides, lineupOf, pairsOf, subjectsOf } from './pairs.ts';
import { brokenRows, metricRows, newComplaints, newWarnings, testRows } from './rows.ts';

function compare(
  kind: Comparison['kind'],
  runs: Comparison['runs'],
  couples: readonly Couples[],
): Comparison {
  const pairs = pairsOf(couples);
  const tests = pairs.flatMap(testRows);
  const changes = (change: TestChange['change']) => tests.filter((test) => test.change === change).length;
  const count = (matches: (verdict: Verdict) => boolean) =>
    tests.filter(({ patched }) => patched !== undefined && matches(patched)).length;
  return {
    kind,
    runs,
    kernels: couples.map(lineupOf),
    fixed: changes('fixed'),
    regressed: changes('regressed'),
    same: changes('same'),
    new: changes('new'),
    gone: changes('gone'),
    changed: changes('changed'),
    skipped: count((verdict) => verdict === 'skip'),
    failed: count(isFailure),
    passed: count((verdict) => verdict === 'pass'),
    tests,
    metrics: pairs.flatMap(metricRows),
    brokenCells: pairs.flatMap(brokenRows),
    newWarnings: newWarnings(
      couples.flatMap(({ base }) => base ?? []),
      couples.flatMap(({ patched }) => patched),
    ),
    newComplaints: newComplaints(pairs),
  };
}

/** True for a run with base and patched kernels, of which no base has more patched kernels than a comparison shows. */
export function hasSides(record: RunRecord): boolean {
  return (
    subjectsOf(record, 'base').length > 0 &&
    subjectsOf(record, 'patched').length > 0 &&
    couplesOfSides(record).every(({ patched }) => patched.length <= MAX_PATCHED)
  );
}

/** Compares base and patched kernels of one run. Throws InputError when the run has only one side (`hasSides`). */
export function compareSides(record: RunRecord): Comparison {
  if (!hasSides(record)) {
    const absent = (['base', 'patched'] as const).find((side) => subjectsOf(record, side).length === 0);
    throw new InputError({
      what: absent
        ? `the run has no ${absent} kernel, so there is nothing to compare`
        : `the run has more than ${MAX_PATCHED} kernels for one base`,
      where: record.id,
      expected: `a run with a base and one to ${MAX_PATCHED} patched kernels`,
      fix: 'run it with --series, or compare two runs: ringlab compare A B',
    });
  }
  return compare('sides', { base: record.id, patched: record.id }, couplesOfSides(record));
}

/** Compares two runs by guest, suite and test; of a run with a series its patched kernels are taken. */
export function compareRecords(a: RunRecord, b: RunRecord): Comparison {
  const comparison = compare('runs', { base: a.id, patched: b.id }, couplesOfRuns(a, b));
  const runs = [{ side: 'base', run: a } as const, { side: 'patched', run: b } as const];
  const unfinished = runs.filter(({ run }) => run.unfinished || run.interrupted).map(({ side }) => side);
  return unfinished.length > 0 ? { ...comparison, unfinished } : comparison;
}
