import { max, median, min } from 'simple-statistics';
import type { Metric, TestResult } from '../model/result.ts';
import type { CellRecord } from '../model/run.ts';
import { isFailure } from '../model/verdict.ts';

/** The median of each metric with its spread. A metric that one repeat does not have is dropped. */
function joinMetrics(repeats: readonly CellRecord[]): Metric[] {
  const [first] = repeats;
  return (first?.metrics ?? []).flatMap((metric) => {
    const same = repeats.flatMap(({ metrics }) => metrics.filter(({ name }) => name === metric.name));
    if (same.length < repeats.length) return [];
    const values = same.map(({ value }) => value);
    return [{ ...metric, value: median(values), spread: max(values) - min(values) }];
  });
}

/** Of a test's results in several repeats the first failure, else the first result: what failed once has failed. */
function worstResults(repeats: readonly CellRecord[]): TestResult[] {
  const names = new Set(repeats.flatMap(({ tests }) => tests.map(({ name }) => name)));
  return [...names].flatMap((name) => {
    const results = repeats.flatMap(({ tests }) => tests.filter((test) => test.name === name));
    return results.find(({ verdict }) => isFailure(verdict)) ?? results[0] ?? [];
  });
}

/** One record of several repeats of a cell, each with its attempts; undefined without any. A broken repeat breaks the cell. */
export function mergeRepeats(repeats: readonly CellRecord[]): CellRecord | undefined {
  const [first] = repeats;
  if (!first || repeats.length === 1) return first;
  const broken = repeats.find(({ verdict }) => verdict !== 'done');
  const { verdict, reason, detail } = broken ?? first;
  const signatures = new Set<string>();
  const { kernel, profile, suite } = first;
  return {
    ...{ kernel, profile, suite, verdict },
    ...(reason === undefined ? {} : { reason }),
    ...(detail === undefined ? {} : { detail }),
    tests: worstResults(repeats),
    complaints: repeats
      .flatMap(({ complaints }) => complaints)
      .filter(({ signature }) => !signatures.has(signature) && signatures.add(signature)),
    metrics: broken ? [] : joinMetrics(repeats),
    attempts: repeats.flatMap(({ attempts }) => attempts),
  };
}
