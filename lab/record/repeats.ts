import { max, median, min } from 'simple-statistics';
import type { CellResult, Metric, TestResult } from '../model/result.ts';
import { isFailure } from '../model/verdict.ts';

/** A figure of several boots: their median, and how far apart they were. One that a boot does not have is no figure. */
function joined(boots: readonly CellResult[]): Metric[] {
  const [first] = boots;
  return (first?.metrics ?? []).flatMap((metric) => {
    const same = boots.flatMap(({ metrics }) => metrics.filter(({ name }) => name === metric.name));
    if (same.length < boots.length) return [];
    const values = same.map(({ value }) => value);
    return [{ ...metric, value: median(values), spread: max(values) - min(values) }];
  });
}

/** Of a test's results in several boots, the one that says most: what failed once has failed. */
function worst(boots: readonly CellResult[]): TestResult[] {
  const names = new Set(boots.flatMap(({ tests }) => tests.map(({ name }) => name)));
  return [...names].flatMap((name) => {
    const all = boots.flatMap(({ tests }) => tests.filter((test) => test.name === name));
    return all.find(({ verdict }) => isFailure(verdict)) ?? all[0] ?? [];
  });
}

/** One result of several boots of the same guest, kernel and suite; names and files are those of the first. */
export function mergeBoots(boots: readonly CellResult[]): CellResult | undefined {
  const [first] = boots;
  if (!first || boots.length === 1) return first;
  const bad = boots.find(({ verdict }) => verdict !== 'done');
  const seen = new Set<string>();
  return {
    ...first,
    ...(bad ? { verdict: bad.verdict, reason: bad.reason, detail: bad.detail, files: bad.files } : {}),
    tests: worst(boots),
    complaints: boots
      .flatMap(({ complaints }) => complaints)
      .filter(({ signature }) => !seen.has(signature) && seen.add(signature)),
    metrics: bad ? [] : joined(boots),
    timings: { ...first.timings, totalMs: boots.reduce((sum, { timings }) => sum + timings.totalMs, 0) },
  };
}
