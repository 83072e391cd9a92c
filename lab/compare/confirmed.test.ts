/** What reruns change about a comparison and its exit code. */
import t from 'tap';
import type { Confirmation, ConfirmOutcome } from '../model/confirm.ts';
import type { Rate } from '../model/rate.ts';
import type { RunRecord } from '../model/run.ts';
import type { Verdict } from '../model/verdict.ts';
import { compareSides } from './compare.ts';
import { canConfirm, judgeReruns } from './confirmed.ts';
import { exitCodeOfComparison as exitCodeOf } from './exit.ts';
import { cell, record } from './testing/records.ts';

const regressed = (verdict: Verdict, outcome: ConfirmOutcome, flaky?: 'fail' | 'warn'): RunRecord => {
  const whole = record([cell('base', { a: 'pass', b: 'pass' }), cell('patched', { a: verdict, b: 'pass' })]);
  const patched = whole.cells.find(({ tests }) => tests[0]?.verdict === verdict);
  if (!patched) throw new Error('no patched cell');
  const { kernel, profile, suite } = patched;
  const confirmation: Confirmation = {
    ...{ kernel, profile, suite, test: 'a', outcome, reruns: [] },
    ...{ base: { failed: 0, runs: 3 }, patched: { failed: 1, runs: 3 } },
  };
  const plan = { ...whole.plan, ...(flaky ? { flaky } : {}) } as RunRecord['plan'];
  return { ...whole, ...(plan ? { plan } : {}), confirmations: [confirmation] };
};

t.test('a flaky test fails a comparison only on request, every other regression always', (t) => {
  const outcome = (...args: Parameters<typeof regressed>) => {
    const comparison = compareSides(regressed(...args));
    const { regressed: count, flaky = 0, tests } = comparison;
    t.match(tests[0], { name: 'a', change: 'regressed', confirmation: { outcome: args[1] } });
    return [count, flaky, exitCodeOf(comparison)];
  };
  t.same(outcome('fail', 'flaky'), [1, 1, 0]);
  t.same(outcome('fail', 'flaky', 'warn'), [1, 1, 0]);
  t.same(outcome('fail', 'flaky', 'fail'), [1, 1, 1]);
  t.same(outcome('timeout', 'flaky'), [1, 1, 0]);
  t.same(outcome('crash', 'flaky'), [1, 0, 1], 'a kernel that died is not only flaky');
  for (const each of ['fails', 'after-others', 'unknown'] as const) t.same(outcome('fail', each), [1, 0, 1]);
  t.end();
});

t.test('a confirmation belongs to one test of one cell', (t) => {
  const run = regressed('fail', 'flaky');
  const [confirmation] = run.confirmations ?? [];
  for (const other of [{ test: 'b' }, { profile: 'other' }, { suite: 'other' }, { kernel: 'other' }]) {
    const confirmations = confirmation ? [{ ...confirmation, ...other }] : [];
    const comparison = compareSides({ ...run, confirmations });
    t.notOk(comparison.flaky, Object.keys(other).join());
    t.equal(exitCodeOf(comparison), 1);
  }
  t.end();
});

t.test('a test that was repeated and did both is flaky without a rerun, and is not run again', (t) => {
  const repeated = (base: Rate, patched: Rate) => {
    const whole = record([
      cell('base', { a: base.failed > 0 ? 'fail' : 'pass' }),
      cell('patched', { a: 'fail' }),
    ]);
    const rates = [base, patched];
    const cells = whole.cells.map((each, index) => ({
      ...each,
      tests: each.tests.map((test) => ({ ...test, rate: rates[index] })),
    }));
    return compareSides({ ...whole, cells } as RunRecord);
  };
  const flaky = repeated({ failed: 0, runs: 15 }, { failed: 3, runs: 15 });
  t.match(flaky.tests, [
    {
      rates: { base: { failed: 0 }, patched: { failed: 3 } },
      confirmation: { outcome: 'flaky', base: { runs: 15 }, patched: { runs: 15 } },
    },
  ]);
  t.same([flaky.flaky, exitCodeOf(flaky), flaky.tests.filter(canConfirm)], [1, 0, []]);
  const always = repeated({ failed: 0, runs: 15 }, { failed: 15, runs: 15 });
  t.same([always.flaky, exitCodeOf(always), always.tests.filter(canConfirm).length], [undefined, 1, 1]);
  const both = repeated({ failed: 2, runs: 15 }, { failed: 3, runs: 15 });
  t.match(both.tests, [{ change: 'same', rates: { base: { failed: 2 }, patched: { failed: 3 } } }]);
  t.end();
});

t.test('rates count the first run and every rerun that has an outcome', (t) => {
  const judge = (base: (Verdict | undefined)[], patched: (Verdict | undefined)[]) =>
    judgeReruns({ base: 'pass', patched: 'fail' }, [
      ...base.map((verdict) => ({ side: 'base' as const, ...(verdict ? { verdict } : {}) })),
      ...patched.map((verdict) => ({ side: 'patched' as const, ...(verdict ? { verdict } : {}) })),
    ]);
  t.match(judge(['pass', 'pass'], ['fail', 'crash']), { outcome: 'fails', patched: { failed: 3, runs: 3 } });
  t.match(judge(['pass', 'todo'], ['timeout', 'fail']), { outcome: 'fails', base: { failed: 0, runs: 3 } });
  t.match(judge(['pass'], ['fail', 'pass']), {
    outcome: 'flaky',
    patched: { failed: 2, runs: 3 },
    alone: false,
  });
  t.match(judge(['fail'], ['fail']), { outcome: 'flaky', base: { failed: 1, runs: 2 } });
  t.match(judge(['pass', 'pass'], ['pass', 'pass']), { outcome: 'flaky', alone: true });
  t.match(judge([undefined, 'lost'], ['skip', undefined]), {
    ...{ outcome: 'unknown', base: { failed: 0, runs: 1 }, patched: { failed: 1, runs: 1 }, alone: false },
  });
  t.end();
});
