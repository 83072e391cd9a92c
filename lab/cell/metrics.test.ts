import t from 'tap';
import type { TestResult } from '../model/result.ts';
import { metricsOf } from './metrics.ts';

const metric = { name: 'submit', value: 3584, unit: 'instructions', better: 'lower' } as const;
const measured = (name: string, verdict: TestResult['verdict'] = 'pass'): TestResult => ({
  ...{ name, verdict, metrics: [metric] },
});

t.test('the metrics of a cell are named after their test', (t) => {
  const metrics = metricsOf([measured('read 4k depth 1'), { name: 'other', verdict: 'pass' }]);
  t.same(metrics, [{ ...metric, name: 'read-4k-depth-1.submit' }]);
  t.end();
});

t.test('a test that did not pass has no metrics: it measured something else', (t) => {
  t.same(metricsOf([measured('a', 'fail'), measured('b', 'crash'), measured('c', 'todo')]), []);
  t.end();
});
