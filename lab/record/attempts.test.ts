/** Guests that shared the tests of one cell. */
import t from 'tap';
import type { Attempt, CellRecord } from '../model/run.ts';
import type { Verdict } from '../model/verdict.ts';
import { joinAttempts } from './attempts.ts';

const part = (
  tests: Record<string, Verdict>,
  attempt: Partial<Attempt> = {},
  more: Partial<CellRecord> = {},
): CellRecord => ({
  ...{ kernel: 'k', profile: 'plain', suite: 'liburing', verdict: 'done', complaints: [], metrics: [] },
  tests: Object.entries(tests).map(([name, verdict]) => ({ name, verdict })),
  attempts: [{ repeat: 1, attempt: 1, verdict: 'done', timings: { totalMs: 10 }, artefacts: [], ...attempt }],
  ...more,
});

const verdicts = (cell?: CellRecord) =>
  Object.fromEntries((cell?.tests ?? []).map(({ name, verdict }) => [name, verdict]));

t.test('shards join to one cell with the tests and figures of all', (t) => {
  const figure = { name: 'read.p99', value: 7, unit: 'us', better: 'lower' } as const;
  const joined = joinAttempts([
    part({ a: 'pass', c: 'fail' }, { shard: 1 }),
    part({ b: 'skip' }, { shard: 2 }, { metrics: [figure] }),
  ]);
  t.same(verdicts(joined), { a: 'pass', c: 'fail', b: 'skip' });
  t.same(joined?.metrics, [figure]);
  t.match(joined, { verdict: 'done', attempts: [{ shard: 1 }, { shard: 2 }] });
  t.end();
});

t.test(
  'what a lost guest did not begin has the result of the fresh guest; what it began keeps its own',
  (t) => {
    const notBegun = ['c', 'd'];
    const crash = { verdict: 'crash' as const, reason: 'Kernel panic' };
    const joined = joinAttempts([
      part({ a: 'pass', b: 'crash', c: 'lost', d: 'lost' }, { notBegun, ...crash }, crash),
      part({ c: 'pass', d: 'fail' }, { attempt: 2 }),
    ]);
    t.same(verdicts(joined), { a: 'pass', b: 'crash', c: 'pass', d: 'fail' });
    t.match(joined, { ...crash, attempts: [{ attempt: 1 }, { attempt: 2 }] });
    t.end();
  },
);

t.test('a test that no guest began is lost, and the result of a program that was running stands', (t) => {
  const joined = joinAttempts([
    part({ a: 'lost', b: 'lost' }, { notBegun: ['b'] }),
    part({ b: 'lost', a: 'pass' }, { attempt: 2, notBegun: ['b'] }),
  ]);
  t.same(verdicts(joined), { a: 'lost', b: 'lost' });
  const lost = (reason: string) => ({ tests: [{ name: 'b', verdict: 'lost' as const, reason }] });
  const last = joinAttempts([
    part({}, { notBegun: ['b'] }, lost('the first panic')),
    part({}, { attempt: 2, notBegun: ['b'] }, lost('the second panic')),
  ]);
  t.match(last?.tests, [{ name: 'b', reason: 'the second panic' }]);
  t.end();
});

t.test('a program that was not begun and then reports subtests has only these', (t) => {
  const joined = joinAttempts([
    part({ a: 'crash', b: 'lost' }, { notBegun: ['b'] }),
    part({ 'b > reads': 'pass', 'b > writes': 'fail' }, { attempt: 2 }),
  ]);
  t.same(verdicts(joined), { a: 'crash', 'b > reads': 'pass', 'b > writes': 'fail' });
  t.end();
});
