import { InputError } from '../core/errors.ts';
import { type Comparison, isFlaky, MAX_PATCHED, type TestChange } from '../model/compare.ts';
import type { Confirmation } from '../model/confirm.ts';
import type { RunRecord } from '../model/run.ts';
import { type Allowed, NOTHING_ALLOWED } from '../model/unproven.ts';
import { isFailure, type Verdict } from '../model/verdict.ts';
import { withConfirmations } from './confirmed.ts';
import { type Evidence, unprovenIn } from './evidence.ts';
import { type Couples, couplesOfRuns, couplesOfSides, lineupOf, pairsOf, subjectsOf } from './pairs.ts';
import { brokenRows, metricRows, newComplaints, newWarnings, testRows } from './rows.ts';

/** What decides a comparison besides the results. */
interface Settings extends Pick<Evidence, 'allowed' | 'isBench'> {
  confirmations?: readonly Confirmation[] | undefined;
  flaky?: 'fail' | 'warn' | undefined;
}

/** How many regressed tests are flaky, and whether they fail the comparison; nothing where none is. */
function flakyIn(
  tests: readonly TestChange[],
  flaky: Settings['flaky'],
): Pick<Comparison, 'flaky' | 'flakyFails'> {
  const count = tests.filter(isFlaky).length;
  if (count === 0) return {};
  return { flaky: count, ...(flaky === 'fail' ? { flakyFails: true } : {}) };
}

function compare(
  kind: Comparison['kind'],
  runs: Comparison['runs'],
  couples: readonly Couples[],
  { allowed, isBench, confirmations = [], flaky }: Settings,
): Comparison {
  const pairs = pairsOf(couples);
  const tests = withConfirmations(pairs.flatMap(testRows), confirmations);
  const metrics = pairs.flatMap(metricRows);
  const unproven = unprovenIn({ kind, couples, tests, metrics, allowed, isBench });
  const changes = (change: TestChange['change']) => tests.filter((test) => test.change === change).length;
  const count = (matches: (verdict: Verdict) => boolean) =>
    tests.filter(({ patched }) => patched !== undefined && matches(patched)).length;
  return {
    ...(unproven.length > 0 ? { unproven } : {}),
    ...(allowed.skips || allowed.gone ? { allowed } : {}),
    kind,
    runs,
    kernels: couples.map(lineupOf),
    fixed: changes('fixed'),
    regressed: changes('regressed'),
    ...flakyIn(tests, flaky),
    same: changes('same'),
    new: changes('new'),
    gone: changes('gone'),
    changed: changes('changed'),
    skipped: count((verdict) => verdict === 'skip'),
    failed: count(isFailure),
    passed: count((verdict) => verdict === 'pass'),
    tests,
    metrics,
    brokenCells: pairs.flatMap(brokenRows),
    newWarnings: newWarnings(
      couples.flatMap(({ base }) => base ?? []),
      couples.flatMap(({ patched }) => patched),
    ),
    newComplaints: newComplaints(pairs),
  };
}

/**
 * True for a run with base and patched kernels, of which no base has more patched kernels than a comparison shows. Mutants are no side:
 * that they break tests is what they are for.
 */
export function hasSides(record: RunRecord): boolean {
  return (
    record.mutants === undefined &&
    subjectsOf(record, 'base').length > 0 &&
    subjectsOf(record, 'patched').length > 0 &&
    couplesOfSides(record).every(({ patched }) => patched.length <= MAX_PATCHED)
  );
}

/**
 * Compares base and patched kernels of one run, which says itself what it allows. Throws InputError when the run has only one side
 * (`hasSides`).
 */
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
  return compare('sides', { base: record.id, patched: record.id }, couplesOfSides(record), {
    allowed: record.plan?.allow ?? NOTHING_ALLOWED,
    confirmations: record.confirmations,
    flaky: record.plan?.flaky,
    isBench: record.bench !== undefined,
  });
}

/** Compares two runs by guest, suite and test; of a run with a series its patched kernels are taken. */
export function compareRecords(a: RunRecord, b: RunRecord, allowed: Allowed = NOTHING_ALLOWED): Comparison {
  const comparison = compare('runs', { base: a.id, patched: b.id }, couplesOfRuns(a, b), {
    allowed,
    isBench: b.bench !== undefined,
  });
  const runs = [{ side: 'base', run: a } as const, { side: 'patched', run: b } as const];
  const unfinished = runs.filter(({ run }) => run.unfinished || run.interrupted).map(({ side }) => side);
  return unfinished.length > 0 ? { ...comparison, unfinished } : comparison;
}
