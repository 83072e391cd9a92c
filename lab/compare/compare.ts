import { ExitCode, InputError } from '../core/errors.ts';
import type { Comparison, TestChange } from '../model/compare.ts';
import type { CellResult, RunRecord, TestResult } from '../model/result.ts';
import { isFailure } from '../model/verdict.ts';
import { changeOf } from './changes.ts';
import { type Pair, pairCells, type Side, sideOf } from './pairs.ts';

/**
 * A test that a cell should have given: where the cell broke, or is not there at all though its kernel failed, it is `lost`,
 * so that nothing vanishes silently with a cell.
 */
function standIn(name: string, cell: CellResult | undefined): TestResult | undefined {
  if (!cell || cell.verdict === 'done') return undefined;
  return { name, verdict: 'lost', reason: cell.reason ? `${cell.verdict}: ${cell.reason}` : cell.verdict };
}

function testsOf({ cell, base, patched }: Pair): TestChange[] {
  const before = new Map(base?.tests.map((test) => [test.name, test]));
  const after = new Map(patched?.tests.map((test) => [test.name, test]));
  return [...new Set([...before.keys(), ...after.keys()])].map((name) => {
    const from = before.get(name) ?? standIn(name, base);
    const to = after.get(name) ?? standIn(name, patched);
    const change = changeOf(from, to);
    // A fixed test is explained by why it failed; every other by what it says now.
    const told = change === 'fixed' || change === 'gone' ? from?.reason : (to?.reason ?? from?.reason);
    const differs = change === 'changed' && from?.behaviour !== to?.behaviour;
    const reason = told ?? (differs ? (to?.behaviour ?? from?.behaviour) : undefined);
    return {
      cell,
      name,
      ...(from ? { base: from.verdict } : {}),
      ...(to ? { patched: to.verdict } : {}),
      change,
      ...(reason ? { reason } : {}),
    };
  });
}

/** What figures of one kernel may differ by although its few boots were nearer to one another: a share of the figure. */
const NOISE = 0.002;

type MetricChange = Comparison['metrics'][number];

function verdictOf(
  { base, patched, spread = 0, better }: MetricChange,
  noise: number,
): MetricChange['verdict'] {
  if (base === undefined || patched === undefined) return undefined;
  const difference = patched - base;
  if (Math.abs(difference) <= Math.max(spread, Math.abs(base) * noise)) return 'same';
  if (better === 'none') return 'changed';
  return difference < 0 === (better === 'lower') ? 'better' : 'worse';
}

function metricsOf({ cell, base, patched }: Pair): Comparison['metrics'] {
  const before = new Map(base?.metrics.map((metric) => [metric.name, metric]));
  const after = new Map(patched?.metrics.map((metric) => [metric.name, metric]));
  return [...new Map([...before, ...after]).values()].map(({ name, unit, better, noise }) => {
    const from = before.get(name);
    const to = after.get(name);
    const spread = Math.max(from?.spread ?? -1, to?.spread ?? -1);
    const change: MetricChange = {
      ...{ cell, name, unit, better },
      ...(from ? { base: from.value } : {}),
      ...(to ? { patched: to.value } : {}),
      ...(spread >= 0 ? { spread } : {}),
    };
    const verdict = verdictOf(change, noise ?? NOISE);
    return verdict ? { ...change, verdict } : change;
  });
}

function brokenOf({ cell, base, patched }: Pair): Comparison['brokenCells'] {
  const broken = (found: CellResult | undefined, side: 'base' | 'patched') =>
    !found || found.verdict === 'done'
      ? []
      : [{ cell, side, verdict: found.verdict, ...(found.reason ? { reason: found.reason } : {}) }];
  return [...broken(base, 'base'), ...broken(patched, 'patched')];
}

/** Complaints whose signature no cell of the base side has: the same fault may show in another cell by its timing. */
function complaintsOf(pairs: readonly Pair[]): Comparison['newComplaints'] {
  const known = new Set(
    pairs.flatMap(({ base }) => base?.complaints.map(({ signature }) => signature) ?? []),
  );
  return pairs.flatMap(({ cell, patched }) =>
    (patched?.complaints ?? [])
      .filter(({ signature }) => !known.has(signature))
      .map((complaint) => ({ ...complaint, cell })),
  );
}

function warningsOf(base: Side, patched: Side): string[] {
  const known = new Set(base.kernels.flatMap((kernel) => kernel.warnings));
  const found = patched.kernels.flatMap((kernel) => [...kernel.newWarnings, ...kernel.warnings]);
  return [...new Set(found)].filter((warning) => !known.has(warning));
}

function compare(
  base: Side,
  patched: Side,
  names: { base: string; patched: string },
  byKernel: boolean,
): Comparison {
  const pairs = pairCells(base, patched, byKernel);
  const tests = pairs.flatMap(testsOf);
  const changes = (change: TestChange['change']) => tests.filter((test) => test.change === change).length;
  const count = (matches: (verdict: NonNullable<TestChange['patched']>) => boolean) =>
    tests.filter((test) => test.patched !== undefined && matches(test.patched)).length;
  return {
    ...names,
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
    metrics: pairs.flatMap(metricsOf),
    brokenCells: pairs.flatMap(brokenOf),
    newWarnings: warningsOf(base, patched),
    newComplaints: complaintsOf(pairs),
  };
}

const namesOf = (side: Side) => side.kernels.map((kernel) => kernel.name).join(', ');

/** Compares the base and the patched side of one run. Throws InputError when it has only one. */
export function compareSides(record: RunRecord): Comparison {
  const base = sideOf(record, 'base');
  const patched = sideOf(record, 'patched');
  if (base.kernels.length === 0 || patched.kernels.length === 0) {
    const absent = base.kernels.length === 0 ? 'base' : 'patched';
    throw new InputError({
      what: `the run has no ${absent} kernel, so there is nothing to compare`,
      where: record.id,
      expected: 'a run with a series, which boots a base and a patched kernel',
      fix: 'run it with --series, or compare two runs: ringlab compare A B',
    });
  }
  return compare(base, patched, { base: namesOf(base), patched: namesOf(patched) }, true);
}

/** What a run is about: its patched kernels, or the base's where it ran without a series. */
function subject(record: RunRecord): Side {
  const patched = sideOf(record, 'patched');
  return patched.kernels.length > 0 ? patched : sideOf(record, 'base');
}

/** Compares two runs by guest, suite and test; of a run with a series its patched side is taken. */
export function compareRecords(a: RunRecord, b: RunRecord): Comparison {
  const [base, patched] = [subject(a), subject(b)];
  const names = { base: `${a.id} (${namesOf(base)})`, patched: `${b.id} (${namesOf(patched)})` };
  return compare(base, patched, names, false);
}

function comparisonFails(comparison: Comparison): boolean {
  // A lost result proves nothing on either side, so a failure beside one is not known to be old.
  const unproven = comparison.tests.some(
    ({ base, patched, change }) =>
      patched === 'lost' || (patched && isFailure(patched) && (change === 'new' || base === 'lost')),
  );
  return (
    unproven ||
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
 * Exit code of a comparison (1: the patched side is worse, broken or unproven) or of a run on its own (1: anything failed, or
 * nothing was tested; 130: it was interrupted).
 */
export function exitCodeOf(outcome: Comparison | RunRecord): number {
  if (!('cells' in outcome)) return comparisonFails(outcome) ? ExitCode.failed : ExitCode.ok;
  if (outcome.interrupted) return ExitCode.interrupted;
  return recordFails(outcome) ? ExitCode.failed : ExitCode.ok;
}
