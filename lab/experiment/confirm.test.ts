/** Reruns of regressed tests: what they say, and which earlier tests are to blame. */
import t from 'tap';
import type { CellSpec } from '../model/cell.ts';
import type { Confirmation } from '../model/confirm.ts';
import type { EventBody } from '../model/event.ts';
import type { CellRecord, RunRecord } from '../model/run.ts';
import type { Verdict } from '../model/verdict.ts';
import { confirmRegressions } from './confirm.ts';
import { precedingTests, shortestBefore } from './preceding.ts';
import { specOf } from './testing/plan.ts';

type Verdicts = Record<string, Verdict>;

const kernel = (id: string, side: 'base' | 'patched') => ({
  ...{ id, name: id, side, warnings: [], newWarnings: [] },
  ...(side === 'patched' ? { base: 'old' } : {}),
});
const attempt = { repeat: 1, attempt: 1, verdict: 'done' as const, timings: { totalMs: 1 }, artefacts: [] };

const cell = (kernel: string, verdicts: Verdicts, more: Partial<CellRecord> = {}): CellRecord => ({
  ...{ kernel, profile: 'plain', suite: 'passthrough', verdict: 'done' },
  tests: Object.entries(verdicts).map(([name, verdict]) => ({ name, verdict })),
  ...{ complaints: [], metrics: [], attempts: [attempt] },
  ...more,
});

/** Confirms the regressions between two cells. `behave` is what a test does on a kernel in a fresh guest, after the tests before it. */
async function confirmed(
  base: Verdicts,
  patched: Verdicts,
  behave: (kernel: string, test: string, before: string[], time: number) => Verdict | undefined,
  more: { confirm?: number; limitMs?: number; kind?: CellSpec['payload']['kind'] } = {},
) {
  const record = {
    ...{ id: 'run', kernels: [kernel('old', 'base'), kernel('new', 'patched')] },
    cells: [cell('old', base), cell('new', patched)],
    ...{ failures: [], interrupted: false },
  } as unknown as RunRecord;
  const { confirm, limitMs, kind = 'agent' } = more;
  const specs = ['old', 'new'].map((id) => ({
    ...specOf(id),
    ...{ payload: { kind, key: '0' }, side: id === 'old' ? ('base' as const) : ('patched' as const) },
  }));
  const events: EventBody[] = [];
  const ran: string[][] = [];
  const times = new Map<string, number>();
  const slots = {
    async run(spec: CellSpec) {
      const tests = spec.tests ?? [];
      ran.push([spec.kernel.id, ...tests]);
      const verdicts: Verdicts = {};
      for (const [index, test] of tests.entries()) {
        const key = `${spec.kernel.id} ${test}`;
        const time = (times.get(key) ?? 0) + 1;
        times.set(key, time);
        const verdict = behave(spec.kernel.id, test, tests.slice(0, index), time);
        if (!verdict) return cell(spec.kernel.id, {}, { verdict: 'lab-failed', reason: 'QEMU crashed' });
        verdicts[test] = verdict;
      }
      return cell(spec.kernel.id, verdicts);
    },
  };
  const ctx = { signal: new AbortController().signal, emit: (event: EventBody) => void events.push(event) };
  await confirmRegressions(record, {
    ...{ plan: confirm === undefined ? {} : { confirm }, specs, slots, ctx },
    ...(limitMs === undefined ? {} : { limitMs }),
  });
  const confirmations = events.flatMap((event): Confirmation[] =>
    event.type === 'confirm.end' ? [event.confirmation] : [],
  );
  return { confirmations, events, ran };
}

t.test('a test that fails each time on the patched kernel alone is confirmed', async (t) => {
  const { confirmations, events, ran } = await confirmed(
    { a: 'pass', b: 'pass', c: 'fail' },
    { a: 'pass', b: 'fail', c: 'fail' },
    (kernel) => (kernel === 'new' ? 'fail' : 'pass'),
  );
  t.match(confirmations, [
    { test: 'b', outcome: 'fails', patched: { failed: 3, runs: 3 }, base: { failed: 0, runs: 3 } },
  ]);
  t.match(events[0], { type: 'confirm.start', tests: 1 });
  t.same(ran, [
    ['new', 'b'],
    ['old', 'b'],
    ['new', 'b'],
    ['old', 'b'],
  ]);
  t.equal(confirmations[0]?.reruns.length, 4);
});

t.test('a test with both outcomes on one kernel is flaky, on the base too', async (t) => {
  const patched = await confirmed({ a: 'pass' }, { a: 'fail' }, (kernel, _test, _before, time) =>
    kernel === 'new' && time === 1 ? 'fail' : 'pass',
  );
  t.match(patched.confirmations, [{ outcome: 'flaky', patched: { failed: 2, runs: 3 } }]);
  const base = await confirmed({ a: 'pass' }, { a: 'fail' }, () => 'fail');
  t.match(base.confirmations, [
    { outcome: 'flaky', patched: { failed: 3, runs: 3 }, base: { failed: 2, runs: 3 } },
  ]);
});

t.test('a test that fails only after another one names it', async (t) => {
  const verdicts = (last: Verdict): Verdicts =>
    Object.fromEntries([...'abcdefg'].map((name) => [name, name === 'g' ? last : 'pass']));
  const { confirmations } = await confirmed(verdicts('pass'), verdicts('fail'), (kernel, test, before) =>
    kernel === 'new' && test === 'g' && before.includes('c') ? 'fail' : 'pass',
  );
  t.match(confirmations, [
    { outcome: 'after-others', after: ['c'], patched: { failed: 1, runs: 3 }, base: { failed: 0, runs: 3 } },
  ]);
});

t.test('a test that passes after all others too is flaky', async (t) => {
  const { confirmations } = await confirmed({ a: 'pass', b: 'pass' }, { a: 'pass', b: 'fail' }, () => 'pass');
  t.match(confirmations, [{ outcome: 'flaky', patched: { failed: 1, runs: 3 } }]);
  t.notOk(confirmations[0]?.after);
});

t.test('what the lab cannot run is tried once more, and says nothing about the kernel', async (t) => {
  const once = await confirmed({ a: 'pass' }, { a: 'fail' }, (kernel, _test, _before, time) =>
    time === 1 ? undefined : kernel === 'new' ? 'fail' : 'pass',
  );
  t.match(once.confirmations, [{ outcome: 'fails', patched: { runs: 3 }, base: { runs: 3 } }]);
  t.match(once.confirmations[0]?.reruns[0], { side: 'patched', reason: 'QEMU crashed' });
  const never = await confirmed({ a: 'pass' }, { a: 'fail' }, () => undefined, { confirm: 1 });
  t.match(never.confirmations, [{ outcome: 'unknown', patched: { runs: 1 }, reruns: { length: 4 } }]);
});

t.test('a subtest is run again with its program', async (t) => {
  const { ran, confirmations } = await confirmed(
    { 'dir/p > one': 'pass' },
    { 'dir/p > one': 'fail' },
    () => 'fail',
    { kind: 'programs', confirm: 1 },
  );
  t.same(ran, [
    ['new', 'dir/p'],
    ['old', 'dir/p'],
  ]);
  t.match(confirmations, [{ outcome: 'unknown', reruns: [{ verdict: 'lost' }, { verdict: 'lost' }] }]);
});

t.test('nothing runs again without a regression, with --confirm 0, or when the time is over', async (t) => {
  t.same((await confirmed({ a: 'pass' }, { a: 'pass' }, () => 'pass')).events, []);
  t.same((await confirmed({ a: 'pass' }, { a: 'fail' }, () => 'fail', { confirm: 0 })).events, []);
  t.same((await confirmed({ a: 'pass' }, { a: 'lost' }, () => 'fail')).events, []);
  const { ran, confirmations } = await confirmed({ a: 'pass' }, { a: 'fail' }, () => 'fail', { limitMs: -1 });
  t.same(ran, []);
  t.match(confirmations, [{ outcome: 'unknown', reason: /time for reruns/ }]);
});

t.test('halving ends with the shortest sequence that it sees fail', async (t) => {
  const needs =
    (...needed: string[]) =>
    async (tests: readonly string[]) =>
      needed.every((name) => tests.includes(name));
  const all = [...'abcdefgh'];
  t.same(await shortestBefore(all, needs('a')), ['a']);
  t.same(await shortestBefore(all, needs('h')), ['h']);
  t.same(await shortestBefore(all, needs('a', 'd')), ['a', 'b', 'c', 'd'], 'both halves are needed');
  t.equal(await shortestBefore(all, needs('x')), undefined);
  t.equal(await shortestBefore([], needs()), undefined);
});

t.test('the tests before a test are those that ran in its guest', (t) => {
  const tests = [...'abcdef'].map((name) => ({
    name,
    verdict: name === 'd' ? ('skip' as const) : ('pass' as const),
  }));
  const attempts = [
    { ...attempt, notBegun: ['c', 'd', 'e', 'f'] },
    { ...attempt, attempt: 2, notBegun: ['f'] },
    { ...attempt, attempt: 3 },
  ];
  t.same(precedingTests({ tests, attempts }, 'b'), ['a']);
  t.same(precedingTests({ tests, attempts }, 'e'), ['c']);
  t.same(precedingTests({ tests, attempts }, 'f'), []);
  t.same(precedingTests({ tests, attempts: [attempt] }, 'f'), ['a', 'b', 'c', 'e']);
  t.end();
});
