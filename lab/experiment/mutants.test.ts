import t from 'tap';
import { type Attributed, blame } from '../cell/attribute.ts';
import { runningTest } from '../cell/complaints.ts';
import type { CellResult, TestResult } from '../model/result.ts';
import { breaks, killer, listMutants, mutantsOf } from './mutants.ts';

const test = (name: string, verdict: TestResult['verdict'] = 'pass'): TestResult => ({ name, verdict });
const complaint = (over: Partial<Attributed>): Attributed => ({
  title: 'KASAN: slab-use-after-free in f',
  signature: 'KASAN f',
  text: 'BUG: KASAN: slab-use-after-free in f',
  line: 1,
  fatal: true,
  ...over,
});
const cell = (over: Partial<CellResult>): CellResult => ({
  name: 'k/g/s',
  kernel: 'k',
  guest: 'g',
  suite: 's',
  side: 'patched',
  verdict: 'done',
  tests: [],
  complaints: [],
  metrics: [],
  timings: { totalMs: 1 },
  files: {},
  ...over,
});

t.test('a fatal complaint fails the test that was running, whatever it said', (t) => {
  const blamed = blame([test('a'), test('b'), test('c', 'skip')], [complaint({ test: 'b' })]);
  t.same(
    blamed.map((one) => one.verdict),
    ['pass', 'crash', 'skip'],
  );
  t.match(blamed[1], { reason: 'KASAN: slab-use-after-free in f', detail: /BUG: KASAN/ });
  t.end();
});

t.test('noise and complaints outside of tests blame no test', (t) => {
  const found = [complaint({ test: 'a', fatal: false }), complaint({})];
  t.same(blame([test('a')], found), [test('a')]);
  t.end();
});

t.test('the running test is the last that began and did not end', (t) => {
  const log = (...lines: string[]) => lines.map((line) => `[    1.000000] ringlab: ${line}\r\n`).join('');
  t.equal(runningTest(log('begin "a"', 'end "a"', 'begin "b"')), 'b');
  t.equal(runningTest(log('begin "a"', 'end "a"')), undefined);
  t.equal(runningTest(''), undefined);
  t.end();
});

t.test('a mutant is killed by a test that passes without it', (t) => {
  const healthy = cell({ tests: [test('a'), test('b', 'skip')] });
  t.equal(killer(healthy, cell({ tests: [test('a', 'fail')] })), 'g/s: a');
  t.equal(killer(healthy, cell({ tests: [test('a', 'lost')] })), 'g/s: a');
  t.equal(killer(healthy, cell({ tests: [test('a', 'todo')] })), 'g/s: a', 'a known fault that was fixed');
  t.equal(killer(healthy, cell({ tests: [test('a'), test('b', 'fail')] })), undefined, 'b proves nothing');
  t.equal(killer(healthy, cell({ tests: [test('a')] })), undefined);
  t.match(killer(healthy, cell({ verdict: 'crash', reason: 'panic', tests: [] })), /crash, panic/);
  t.end();
});

t.test('a plan asks for the mutants of its series, or of its only suite', (t) => {
  const plan = (...suites: string[]) =>
    ({ pairs: suites.map((name) => ({ suite: { name } })) }) as unknown as Parameters<typeof mutantsOf>[0];
  const series = [{ name: 'mine' }] as unknown as Parameters<typeof mutantsOf>[1];
  t.equal(mutantsOf(plan('a', 'b'), series), 'mine');
  t.equal(mutantsOf(plan('a', 'a'), []), 'a');
  t.throws(() => mutantsOf(plan('a', 'b'), []), { exitCode: 2, message: /neither a series nor one suite/ });
  t.end();
});

t.test('a cell is stopped at a test that the mutant broke, not at one that was broken before', (t) => {
  const stopAt = breaks(cell({ tests: [test('a'), test('b', 'fail')] }));
  t.same(
    [test('a'), test('a', 'fail'), test('a', 'skip'), test('b', 'fail'), test('new', 'fail')].map(stopAt),
    [false, true, false, false, false],
  );
  t.end();
});

t.test('a series without mutants is told apart from a name that fits none', async (t) => {
  await t.rejects(listMutants('no-such-series', []), { exitCode: 2, message: /has no mutants/ });
});
