import type { BrokenCell, Comparison, MetricChange, TestChange } from '../model/compare.ts';
import type { Metric, TestResult } from '../model/result.ts';
import type { CellRecord } from '../model/run.ts';
import { changeOf } from './changes.ts';
import type { Pair, Subject } from './pairs.ts';

const placeOf = ({ cell, kernel, profile, suite }: Pair) => ({ cell, kernel, profile, suite });

/** True for a cell whose kernel could not be made: the failure is the kernel's and is reported once, not for each test. */
const hasNoKernel = (cell: CellRecord | undefined): boolean =>
  cell?.verdict === 'apply-failed' || cell?.verdict === 'build-failed';

/** The stand-in for a test that a cell should have given: in a cell that broke the test is `lost`, so that no test vanishes with its cell. */
function standIn(name: string, cell: CellRecord | undefined): TestResult | undefined {
  if (!cell || cell.verdict === 'done' || hasNoKernel(cell)) return undefined;
  return { name, verdict: 'lost', reason: cell.reason ? `${cell.verdict}: ${cell.reason}` : cell.verdict };
}

/** A fixed test is explained by why it failed; every other test by what it reports now. */
function reasonOf(
  change: TestChange['change'],
  from: TestResult | undefined,
  to: TestResult | undefined,
): string | undefined {
  const reason = change === 'fixed' || change === 'gone' ? from?.reason : (to?.reason ?? from?.reason);
  const differs = change === 'changed' && from?.behaviour !== to?.behaviour;
  return reason ?? (differs ? (to?.behaviour ?? from?.behaviour) : undefined);
}

function ratesOf(from: TestResult | undefined, to: TestResult | undefined): Pick<TestChange, 'rates'> {
  if (!from?.rate && !to?.rate) return {};
  return { rates: { ...(from?.rate ? { base: from.rate } : {}), ...(to?.rate ? { patched: to.rate } : {}) } };
}

/** Every test of a pair, base's order first. Without a patched kernel nothing was compared, and there are none. */
export function testRows(pair: Pair): TestChange[] {
  if (hasNoKernel(pair.patched)) return [];
  const before = new Map(pair.base?.tests.map((test) => [test.name, test]));
  const after = new Map(pair.patched?.tests.map((test) => [test.name, test]));
  return [...new Set([...before.keys(), ...after.keys()])].map((name) => {
    const from = before.get(name) ?? standIn(name, pair.base);
    const to = after.get(name) ?? standIn(name, pair.patched);
    const change = changeOf(from, to);
    const reason = reasonOf(change, from, to);
    const of = to?.class ?? from?.class;
    return {
      ...placeOf(pair),
      name,
      ...(from ? { base: from.verdict } : {}),
      ...(to ? { patched: to.verdict } : {}),
      change,
      ...(of ? { class: of } : {}),
      ...(reason ? { reason } : {}),
      ...ratesOf(from, to),
    };
  });
}

/** Share of a figure by which boots of one kernel may differ although the few boots of a run were closer. */
const NOISE = 0.002;

/** How a figure changed, and by how much it may differ without a change: nothing where a side has no figure. */
function judgedMetric(
  { base, patched, spread = 0, better }: MetricChange,
  noise: number,
): Pick<MetricChange, 'threshold' | 'verdict'> {
  if (base === undefined || patched === undefined) return {};
  const threshold = Math.max(spread, Math.abs(base) * noise);
  const difference = patched - base;
  if (Math.abs(difference) <= threshold) return { threshold, verdict: 'same' };
  if (better === 'none') return { threshold, verdict: 'changed' };
  return { threshold, verdict: difference < 0 === (better === 'lower') ? 'better' : 'worse' };
}

function bootsOf(from: Metric | undefined, to: Metric | undefined): Pick<MetricChange, 'boots'> {
  if (!from?.boots && !to?.boots) return {};
  return {
    boots: { ...(from?.boots ? { base: from.boots } : {}), ...(to?.boots ? { patched: to.boots } : {}) },
  };
}

/** Every metric of a pair with its verdict; as `testRows`. */
export function metricRows(pair: Pair): MetricChange[] {
  if (hasNoKernel(pair.patched)) return [];
  const before = new Map(pair.base?.metrics.map((metric) => [metric.name, metric]));
  const after = new Map(pair.patched?.metrics.map((metric) => [metric.name, metric]));
  return [...new Map([...before, ...after]).values()].map(({ name, unit, better, noise }) => {
    const from = before.get(name);
    const to = after.get(name);
    const spread = Math.max(from?.spread ?? -1, to?.spread ?? -1);
    const row: MetricChange = {
      ...placeOf(pair),
      ...{ name, unit, better },
      ...(from ? { base: from.value } : {}),
      ...(to ? { patched: to.value } : {}),
      ...(spread >= 0 ? { spread } : {}),
      ...bootsOf(from, to),
    };
    return { ...row, ...judgedMetric(row, noise ?? NOISE) };
  });
}

/** The cells of a pair that did not run to their end. */
export function brokenRows(pair: Pair): BrokenCell[] {
  return (['base', 'patched'] as const).flatMap((side) => {
    const cell = pair[side];
    if (!cell || cell.verdict === 'done') return [];
    const { verdict, reason } = cell;
    return [{ ...placeOf(pair), side, verdict, ...(reason ? { reason } : {}) }];
  });
}

/** Complaints whose signature no cell of the base has: by its timing the same fault may show in another cell. */
export function newComplaints(pairs: readonly Pair[]): Comparison['newComplaints'] {
  const onBase = new Set(
    pairs.flatMap(({ base }) => base?.complaints.map(({ signature }) => signature) ?? []),
  );
  return pairs.flatMap((pair) =>
    (pair.patched?.complaints ?? [])
      .filter(({ signature }) => !onBase.has(signature))
      .map((complaint) => ({ ...complaint, ...placeOf(pair) })),
  );
}

/** Compiler warnings that no base has. */
export function newWarnings(bases: readonly Subject[], patched: readonly Subject[]): string[] {
  const onBase = new Set(bases.flatMap(({ kernel }) => kernel.warnings));
  const warnings = patched.flatMap(({ kernel }) => [...kernel.newWarnings, ...kernel.warnings]);
  return [...new Set(warnings)].filter((warning) => !onBase.has(warning));
}
