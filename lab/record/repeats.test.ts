/** Results of several boots of one cell. */
import t from 'tap';
import type { CellResult, Metric } from '../model/result.ts';
import { mergeBoots } from './repeats.ts';

const figure = { name: 'submit', value: 3584, unit: 'instructions', better: 'lower' } as const;

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
