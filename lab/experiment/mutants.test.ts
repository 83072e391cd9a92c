import t from 'tap';
import type { TestResult } from '../model/result.ts';
import type { CellRecord } from '../model/run.ts';
import { breaks, killer } from './killed.ts';
import { listMutants, mutantsOf } from './mutant-files.ts';

const test = (name: string, verdict: TestResult['verdict'] = 'pass'): TestResult => ({ name, verdict });
const cell = (more: Partial<CellRecord>): CellRecord => ({
  ...{ kernel: 'k', profile: 'g', suite: 's', verdict: 'done' },
  ...{ tests: [], complaints: [], metrics: [], attempts: [] },
  ...more,
});

t.test('a mutant is killed by a test that passes without it', (t) => {
  const healthy = cell({ tests: [test('a'), test('b', 'skip')] });
  t.equal(killer(healthy, cell({ tests: [test('a', 'fail')] })), 'g/s: a');
  t.equal(killer(healthy, cell({ tests: [test('a', 'lost')] })), 'g/s: a');
  t.equal(killer(healthy, cell({ tests: [test('a', 'todo')] })), 'g/s: a', 'a known fault that was fixed');
  t.equal(killer(healthy, cell({ tests: [test('a'), test('b', 'fail')] })), undefined, 'b proves nothing');
  t.equal(killer(healthy, cell({ tests: [test('a')] })), undefined);
  t.match(killer(healthy, cell({ verdict: 'crash', reason: 'panic', tests: [] })), /crash, panic/);
  t.equal(
    killer(healthy, cell({ verdict: 'lab-failed', tests: [] })),
    undefined,
    'a fault of the lab kills nothing',
  );
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
