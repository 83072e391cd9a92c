/** Results of several boots of one cell. */
import t from 'tap';
import type { Metric } from '../model/result.ts';
import { type CellRecord, totalMsOf } from '../model/run.ts';
import { mergeRepeats } from './repeats.ts';

const figure = { name: 'submit', value: 3584, unit: 'instructions', better: 'lower' } as const;

const cell = (values: Record<string, number>, more: Partial<CellRecord> = {}): CellRecord => ({
  ...{ kernel: 'k', profile: 'plain', suite: 'bench', verdict: 'done' },
  ...{ tests: [{ name: 'a', verdict: 'pass' }], complaints: [] },
  metrics: Object.entries(values).map(([name, value]): Metric => ({ ...figure, name, value })),
  attempts: [{ repeat: 1, attempt: 1, verdict: 'done', timings: { totalMs: 10 }, artefacts: [] }],
  ...more,
});

t.test('several repeats become one result: the median of each metric with its spread', (t) => {
  const merged = mergeRepeats([cell({ a: 7337, b: 1 }), cell({ a: 7342, b: 1 }), cell({ a: 7337 })]);
  t.same(merged?.metrics, [{ ...figure, name: 'a', value: 7337, spread: 5 }]);
  t.equal(merged && totalMsOf(merged), 30);
  t.equal(merged?.attempts.length, 3, 'every attempt is kept');
  t.equal(mergeRepeats([]), undefined);
  t.end();
});

t.test('a failure, a complaint or a crash of one repeat is that of the cell', (t) => {
  const failed = mergeRepeats([cell({ a: 1 }), cell({ a: 1 }, { tests: [{ name: 'a', verdict: 'fail' }] })]);
  t.match(failed, { verdict: 'done', tests: [{ name: 'a', verdict: 'fail' }] });
  const complaint = { title: 'oops', signature: 's', text: 'oops', line: 1, fatal: true };
  const crashed = mergeRepeats([
    cell({ a: 1 }, { complaints: [complaint] }),
    cell({ a: 1 }, { verdict: 'crash', reason: 'oops', complaints: [complaint] }),
  ]);
  t.match(crashed, { verdict: 'crash', reason: 'oops', metrics: [] });
  t.equal(crashed?.complaints.length, 1, 'reported once');
  t.end();
});
