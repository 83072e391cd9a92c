import { max, median, min } from 'simple-statistics';
import { rateOf } from '../model/rate.ts';
import { isStreamResult, type Metric, type TestResult } from '../model/result.ts';
import type { CellRecord } from '../model/run.ts';
import { isFailure, type Verdict } from '../model/verdict.ts';

/** Calls `make` once for each key, whatever the number of look-ups. */
function once<K, V>(make: (key: K) => V): (key: K) => V {
  const values = new Map<K, V>();
  return (key) => {
    const value = values.get(key) ?? make(key);
    values.set(key, value);
    return value;
  };
}

/** The median of each metric with its spread and the values of all boots. A metric that one repeat does not have is dropped. */
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
    // A guest may report a name many times: its values are not those of boots, and each would repeat all of them.
    const boots = values.length === repeats.length ? { boots: values } : {};
    return { isWhole, figure: { value: median(values), spread: max(values) - min(values), ...boots } };
  });
  return (first?.metrics ?? []).flatMap((metric) => {
    const { isWhole, figure } = joined(metric.name);
    return isWhole ? [{ ...metric, ...figure }] : [];
  });
}

/** What counts most of several results: a failure, then a test that did not run, then one that is expected to fail. */
const rankOf = ({ verdict }: TestResult): number =>
  isFailure(verdict) ? 3 : verdict === 'skip' ? 2 : verdict === 'todo' ? 1 : 0;

/** `lost` for a test that a repeat ran to its end without: `absent` of its results did not come. */
const lostResult = (name: string, absent: number, repeats: number): TestResult => ({
  name,
  verdict: 'lost',
  reason: `no result arrived in ${absent} of ${repeats} boots`,
});

/**
 * Of a test's results in several repeats the first that counts most, with the rate of failures: what failed or was skipped once did not
 * simply pass. A test that is missing in a repeat that ended well is lost.
 */
function worstResults(repeats: readonly CellRecord[]): TestResult[] {
  const worst = new Map<string, TestResult>();
  const verdicts = new Map<string, Verdict[]>();
  const times = new Map<string, number>();
  const whole = repeats.filter(({ verdict }) => verdict === 'done');
  for (const test of repeats.flatMap(({ tests }) => tests)) {
    const earlier = worst.get(test.name);
    if (!earlier || rankOf(test) > rankOf(earlier)) worst.set(test.name, test);
    const seen = verdicts.get(test.name);
    if (seen) seen.push(test.verdict);
    else verdicts.set(test.name, [test.verdict]);
  }
  for (const { name } of whole.flatMap(({ tests }) => tests)) times.set(name, (times.get(name) ?? 0) + 1);
  return [...worst.values()].map((test) => {
    const absent = whole.length - (times.get(test.name) ?? 0);
    if (isStreamResult(test)) return test;
    const rate = rateOf(verdicts.get(test.name) ?? []);
    if (absent === 0 || isFailure(test.verdict)) return rate.runs > 0 ? { ...test, rate } : test;
    return lostResult(test.name, absent, repeats.length);
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
