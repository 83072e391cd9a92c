/** Figures: out of a test's diagnostics, and of several boots. */
import t from 'tap';
import type { CellResult, Metric, TestResult } from '../model/result.ts';
import { mergeBoots } from './boots.ts';
import { metricsOf } from './metrics.ts';

const figure = { name: 'submit', value: 3584, unit: 'instructions', better: 'lower' } as const;
const withFigures = (name: string, more: Partial<TestResult> = {}): TestResult => ({
  ...{ name, verdict: 'pass', detail: `duration_ms: 3.5\nmetrics: ${JSON.stringify([figure])}` },
  ...more,
});

t.test('figures are named after test and figure', (t) => {
  const found = metricsOf([withFigures('read 4k depth 1'), { name: 'other', verdict: 'pass' }]);
  t.same(found, [{ ...figure, name: 'read-4k-depth-1.submit' }]);
  t.end();
});

t.test('what failed has measured something else, and what is no figure is none', (t) => {
  const wrong = [
    withFigures('failed', { verdict: 'fail' }),
    withFigures('no number', { detail: 'metrics: [{ name: a, value: many, unit: b, better: lower }]' }),
    withFigures('no YAML', { detail: 'metrics: [{' }),
    withFigures('text', { detail: 'these are no metrics: none' }),
  ];
  t.same(metricsOf(wrong), []);
  t.end();
});

const cell = (values: Record<string, number>, more: Partial<CellResult> = {}): CellResult => ({
  ...{ name: 'k/plain/bench', kernel: 'k', guest: 'plain', suite: 'bench', side: 'base', verdict: 'done' },
  ...{ tests: [{ name: 'a', verdict: 'pass' }], complaints: [], timings: { totalMs: 10 }, files: {} },
  metrics: Object.entries(values).map(([name, value]): Metric => ({ ...figure, name, value })),
  ...more,
});

t.test('boots become one: the median, and how far apart they were', (t) => {
  const merged = mergeBoots([cell({ a: 7337, b: 1 }), cell({ a: 7342, b: 1 }), cell({ a: 7337 })]);
  t.same(merged?.metrics, [{ ...figure, name: 'a', value: 7337, spread: 5 }]);
  t.equal(merged?.timings.totalMs, 30);
  t.equal(mergeBoots([]), undefined);
  t.end();
});

t.test('what went wrong in one boot has gone wrong', (t) => {
  const failed = mergeBoots([cell({ a: 1 }), cell({ a: 1 }, { tests: [{ name: 'a', verdict: 'fail' }] })]);
  t.match(failed, { verdict: 'done', tests: [{ name: 'a', verdict: 'fail' }] });
  const complaint = { title: 'oops', signature: 's', text: 'oops', line: 1, fatal: true };
  const crashed = mergeBoots([
    cell({ a: 1 }, { complaints: [complaint] }),
    cell({ a: 1 }, { verdict: 'crash', reason: 'oops', complaints: [complaint] }),
  ]);
  t.match(crashed, { verdict: 'crash', reason: 'oops', metrics: [] });
  t.equal(crashed?.complaints.length, 1, 'told once');
  t.end();
});
