/** Results of several boots of one cell. */
import t from 'tap';
import type { Metric } from '../model/result.ts';
import { type CellRecord, totalMsOf } from '../model/run.ts';
import type { Verdict } from '../model/verdict.ts';
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
  t.same(merged?.metrics, [{ ...figure, name: 'a', value: 7337, spread: 5, boots: [7337, 7342, 7337] }]);
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

t.test('a test that a boot skips or does not report did not simply pass', (t) => {
  const boot = (tests: CellRecord['tests'], more: Partial<CellRecord> = {}) =>
    cell({ a: 1 }, { tests, ...more });
  const pass = { name: 'a', verdict: 'pass' as const };
  const skip = { name: 'a', verdict: 'skip' as const, reason: 'no drive' };
  t.match(mergeRepeats([boot([pass]), boot([skip])])?.tests, [skip]);
  t.match(mergeRepeats([boot([skip]), boot([pass])])?.tests, [skip], 'whichever comes first');
  const lost = { name: 'a', verdict: 'lost', reason: 'no result arrived in 1 of 3 boots' };
  t.same(mergeRepeats([boot([pass]), boot([]), boot([pass])])?.tests, [lost]);
  t.match(mergeRepeats([boot([{ ...pass, verdict: 'fail' }]), boot([])])?.tests, [{ verdict: 'fail' }]);
  const broken = mergeRepeats([boot([pass]), boot([], { verdict: 'boot-failed', reason: 'no init' })]);
  t.match(
    broken,
    { verdict: 'boot-failed', tests: [{ verdict: 'pass' }] },
    'the verdict of the cell says it',
  );
  const flaw = { name: '(end of suite)', verdict: 'fail' as const };
  t.match(mergeRepeats([boot([pass, flaw]), boot([pass])])?.tests, [pass, flaw], 'no test of the other boot');
  const all = { name: '(all)', verdict: 'skip' as const };
  t.match(mergeRepeats([boot([pass]), boot([all])])?.tests, [{ name: 'a', verdict: 'lost' }, all]);
  t.end();
});

t.test(
  'repeats of 100,000 tests with figures are merged in a time that grows with their number only',
  (t) => {
    const names = Array.from({ length: 100_000 }, (_, index) => `sector ${index}`);
    const repeat = (failing: number) =>
      cell(Object.fromEntries(names.slice(0, 20_000).map((name, index) => [name, index + failing])), {
        tests: names.map((name, index) => ({ name, verdict: index === failing ? 'fail' : 'pass' })),
      });
    const repeats = [repeat(3), repeat(99_999)];
    const began = performance.now();
    const merged = mergeRepeats(repeats);
    const seconds = (performance.now() - began) / 1000;
    t.ok(seconds < 5, `seconds of the merge: ${seconds}`);
    t.same(
      merged?.tests.flatMap(({ name, verdict }) => (verdict === 'fail' ? [name] : [])),
      ['sector 3', 'sector 99999'],
      'tests that failed in a repeat',
    );
    t.equal(merged?.tests.length, names.length, 'tests of the merged cell');
    t.match(merged?.metrics[19_999], { name: 'sector 19999', spread: 99_996 });
    t.end();
  },
);

t.test('figures of one name are merged in a time that grows with their number only', (t) => {
  const many = cell({}, { metrics: Array.from({ length: 20_000 }, (_, value) => ({ ...figure, value })) });
  const began = performance.now();
  const merged = mergeRepeats([many, many]);
  const seconds = (performance.now() - began) / 1000;
  t.ok(seconds < 5, `seconds of the merge: ${seconds}`);
  t.match(merged?.metrics[0], { value: 9999.5, spread: 19_999, boots: undefined });
  t.end();
});

t.test('each test says how often it failed', (t) => {
  const boot = (verdict: Verdict) => cell({ a: 1 }, { tests: [{ name: 'a', verdict }] });
  const rates = (...verdicts: Verdict[]) => mergeRepeats(verdicts.map(boot))?.tests.map(({ rate }) => rate);
  t.same(rates('pass', 'fail', 'pass', 'timeout'), [{ failed: 2, runs: 4 }]);
  t.same(rates('pass', 'skip', 'fail'), [{ failed: 1, runs: 2 }], 'a skip says neither');
  t.same(rates('skip', 'skip'), [undefined]);
  t.same(rates('fail'), [undefined], 'of one boot');
  t.end();
});
