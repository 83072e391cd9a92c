/** Figures out of a test's diagnostics. */
import t from 'tap';
import type { TestResult } from '../model/result.ts';
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
