import { max, median, min } from 'simple-statistics';
import type { Metric, TestResult } from '../model/result.ts';
import type { CellRecord } from '../model/run.ts';
import { isFailure } from '../model/verdict.ts';

/** Calls `make` once for each key, whatever the number of look-ups. */
function once<K, V>(make: (key: K) => V): (key: K) => V {
  const values = new Map<K, V>();
  return (key) => {
    const value = values.get(key) ?? make(key);
    values.set(key, value);
    return value;
  };
}

/** The median of each metric with its spread. A metric that one repeat does not have is dropped. */
function joinMetrics(repeats: readonly CellRecord[]): Metric[] {
  const [first] = repeats;
  const valuesOf = new Map<string, number[]>();
  for (const { name, value } of repeats.flatMap(({ metrics }) => metrics)) {
    const values = valuesOf.get(name);
    if (values) values.push(value);
    else valuesOf.set(name, [value]);
  }
  const joined = once((name: string) => {
    const values = valuesOf.get(name) ?? [];
    const isWhole = values.length >= repeats.length;
    return { isWhole, value: median(values), spread: max(values) - min(values) };
  });
  return (first?.metrics ?? []).flatMap((metric) => {
    const { isWhole, value, spread } = joined(metric.name);
    return isWhole ? [{ ...metric, value, spread }] : [];
  });
}

/** Of a test's results in several repeats the first failure, else the first result: what failed once has failed. */
function worstResults(repeats: readonly CellRecord[]): TestResult[] {
  const worst = new Map<string, TestResult>();
  for (const test of repeats.flatMap(({ tests }) => tests)) {
    const earlier = worst.get(test.name);
    if (!earlier || (isFailure(test.verdict) && !isFailure(earlier.verdict))) worst.set(test.name, test);
  }
  return [...worst.values()];
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
