/** What runs and comparisons do not prove although no test fails. */
import t from 'tap';
import { unprovenOf } from '../model/evidence.ts';
import { NOT_SELECTED } from '../model/protocol.ts';
import type { Metric } from '../model/result.ts';
import type { CellRecord, RunRecord } from '../model/run.ts';
import type { Verdict } from '../model/verdict.ts';
import { compareRecords, compareSides } from './compare.ts';
import { exitCodeOfComparison, exitCodeOfRun } from './exit.ts';
import { outcomeOf } from './outcome.ts';
import { cell, kernel, record } from './testing/records.ts';

type Tests = Record<string, Verdict>;
const plan = (allow?: { skips: boolean; gone: boolean }): NonNullable<RunRecord['plan']> => ({
  ...{ sources: [], withBase: true, pairs: [], repeats: 1, only: [], kernelArgs: [], qemuArgs: [] },
  ...{ config: { start: 'tinyconfig', fragments: [], debug: false }, bootTimeoutMs: 1, jobs: 1 },
  ...(allow ? { allow } : {}),
});
const sides = (base: Tests, patched: Tests, allow?: { skips: boolean; gone: boolean }) =>
  compareSides(record([cell('base', base), cell('patched', patched)], { plan: plan(allow) }));
const codes = ({ unproven = [] }: { unproven?: { code: string }[] | undefined }) =>
  unproven.map(({ code }) => code);

const alone = (cells: CellRecord[], more: Partial<RunRecord> = {}) =>
  record(cells, { kernels: [kernel('base', 'debian-6.12')], plan: plan(), ...more });
const skipped = (reason: string, count = 2) =>
  cell(
    'base',
    {},
    { tests: Array.from({ length: count }, (_, n) => ({ name: `t${n}`, verdict: 'skip', reason })) },
  );

t.test('a run without an executed test fails, and says why', (t) => {
  const cases: [string, CellRecord[], object[]][] = [
    [
      'everything was skipped',
      [skipped('the guest has no drive', 90)],
      [{ code: 'all-skipped', subjects: ['debian-6.12'], count: 90, reason: 'the guest has no drive' }],
    ],
    ['no test matches --only', [skipped(`${NOT_SELECTED}"zzz"`, 1)], [{ code: 'not-selected', count: 1 }]],
    [
      'no test matches in one suite, all are skipped in another',
      [skipped(`${NOT_SELECTED}"zzz"`, 1), { ...skipped('no drive'), suite: 'ublk' }],
      [{ code: 'all-skipped', reason: 'no drive' }],
    ],
    ['every result is lost', [cell('base', { a: 'lost', b: 'skip' })], [{ code: 'all-lost', count: 2 }]],
    ['a suite without tests', [cell('base', {})], [{ code: 'no-test', count: 0 }]],
    ['no cell', [], [{ code: 'no-test' }]],
  ];
  for (const [title, cells, unproven] of cases) {
    t.match(unprovenOf(alone(cells)), unproven, title);
    t.equal(exitCodeOfRun(alone(cells)), 1, title);
  }
  t.equal(exitCodeOfRun(record([], { kernels: [] })), 1, 'a record without a kernel');
  t.end();
});

t.test(
  'one executed test is evidence, an allowed skip is no fault, and a name that fits none always is',
  (t) => {
    for (const verdict of ['pass', 'todo'] as const)
      t.equal(exitCodeOfRun(alone([cell('base', { a: verdict, b: 'skip' })])), 0, verdict);
    const allow = plan({ skips: true, gone: false });
    t.equal(exitCodeOfRun(alone([skipped('no drive')], { plan: allow })), 0);
    t.equal(exitCodeOfRun(alone([skipped(`${NOT_SELECTED}"zzz"`, 1)], { plan: allow })), 1);
    t.end();
  },
);

t.test('each kernel that a run without base is about needs its own evidence', (t) => {
  const kernels = [kernel('patched', 'a+s', 'a'), kernel('patched', 'b+s', 'b')];
  const cells = (b: Verdict) => [
    cell('patched', { x: 'pass' }, { kernel: 'a+s' }),
    cell('patched', { x: b }, { kernel: 'b+s' }),
  ];
  t.equal(outcomeOf(record(cells('pass'), { kernels })).exitCode, 0);
  t.match(unprovenOf(record(cells('skip'), { kernels })), [{ code: 'all-skipped', subjects: ['b+s'] }]);
  t.end();
});

t.test('tests that the base executed and the patched side does not are no success', (t) => {
  for (const base of ['pass', 'fail', 'todo', 'timeout', 'crash'] as const) {
    const compared = sides({ a: base, b: 'pass' }, { a: 'skip', b: 'pass' });
    t.match(compared.unproven, [{ code: 'skipped', subjects: ['plain/passthrough'], count: 1 }], base);
    t.equal(exitCodeOfComparison(compared), 1, base);
    const without = sides({ a: base, b: 'pass' }, { b: 'pass' });
    t.match(without.unproven, [{ code: 'gone', count: 1 }], base);
    t.equal(exitCodeOfComparison(without), 1, base);
  }
  t.same(codes(sides({ a: 'pass', b: 'pass' }, { a: 'todo', b: 'pass' })), ['skipped']);
  t.same(codes(sides({ a: 'pass', b: 'pass' }, { a: 'skip', b: 'skip' })), ['all-skipped', 'skipped']);
  t.same(codes(sides({ a: 'pass', b: 'pass' }, {})), ['no-test', 'gone']);
  t.end();
});

t.test('what the base does not show either is no loss', (t) => {
  for (const base of ['skip', 'lost'] as const)
    for (const patched of [{ a: 'skip', b: 'pass' }, { b: 'pass' }] as Tests[])
      t.same(codes(sides({ a: base, b: 'pass' }, patched)), [], `${base} -> ${patched.a ?? 'gone'}`);
  t.same(codes(sides({ '(end of suite)': 'fail', '#3': 'crash', b: 'pass' }, { b: 'pass' })), []);
  t.same(codes(sides({ '#3': 'pass', b: 'pass' }, { b: 'pass' })), ['gone'], 'a test without a name');
  t.same(
    codes(sides({ a: 'skip', b: 'skip' }, { a: 'pass', b: 'pass' })),
    [],
    'the series adds what the base lacks',
  );
  t.end();
});

t.test('a comparison in which nothing passes proves nothing, unless it shows a regression', (t) => {
  const failing = sides({ a: 'fail', b: 'skip' }, { a: 'fail', b: 'skip' });
  t.match(failing.unproven, [{ code: 'none-passed', subjects: ['debian-6.12+x'], count: 1 }]);
  t.equal(exitCodeOfComparison(failing), 1);
  t.same(codes(sides({ a: 'pass' }, { a: 'fail' })), []);
  t.same(codes(sides({ a: 'fail', b: 'pass' }, { a: 'fail', b: 'pass' })), []);
  t.end();
});

t.test('--allow-skips and --allow-gone allow what they name, and are in the comparison', (t) => {
  const skips = { skips: true, gone: false };
  const gone = { skips: false, gone: true };
  t.match(sides({ a: 'pass' }, { a: 'skip' }, skips), { allowed: skips, unproven: undefined, changed: 1 });
  t.same(codes(sides({ a: 'pass' }, { a: 'skip' }, gone)), ['all-skipped', 'skipped']);
  t.same(codes(sides({ a: 'pass', b: 'pass' }, { a: 'pass' }, gone)), []);
  t.same(codes(sides({ a: 'pass', b: 'pass' }, { a: 'pass' }, skips)), ['gone']);
  t.equal(sides({ a: 'pass' }, { a: 'pass' }).allowed, undefined);
  const [monday, tuesday] = [
    record([cell('patched', { a: 'pass' })]),
    record([cell('patched', { a: 'skip' })]),
  ];
  t.same(codes(compareRecords(monday, tuesday)), ['all-skipped', 'skipped']);
  t.same(codes(compareRecords(monday, tuesday, skips)), []);
  t.end();
});

t.test(
  'two runs of other guests or suites: what is gone is named by cell, and nothing in common is said',
  (t) => {
    const run = (...cells: CellRecord[]) => record(cells);
    const plain = cell('patched', { a: 'pass' });
    const swiotlb = cell('patched', { a: 'pass', b: 'pass' }, { profile: 'swiotlb' });
    t.match(compareRecords(run(plain, swiotlb), run(plain)).unproven, [
      { code: 'gone', subjects: ['swiotlb/passthrough'], count: 2 },
    ]);
    const allowed = { skips: true, gone: true };
    t.same(codes(compareRecords(run(plain, swiotlb), run(plain), allowed)), []);
    t.same(codes(compareRecords(run(swiotlb), run(plain), allowed)), ['nothing-compared']);
    t.same(codes(compareRecords(run(), run(plain))), ['nothing-compared'], 'an earlier run without tests');
    t.same(codes(compareRecords(run(cell('patched', { '(all)': 'skip' })), run(plain))), []);
    t.same(codes(compareRecords(run(plain), record([], { kernels: [] }))), [
      'no-test',
      'gone',
      'nothing-compared',
    ]);
    t.end();
  },
);

t.test('a benchmark without figures proves nothing', (t) => {
  const figure = (name: string): Metric => ({ name, value: 1, unit: 'ns', better: 'lower' });
  const bench = { clock: 'instructions' as const, repeats: 3 };
  t.same(codes({ unproven: unprovenOf(alone([cell('base', { a: 'pass' })], { bench })) }), ['no-figure']);
  const measured = cell('base', { a: 'pass' }, { metrics: [figure('a.cpu')] });
  t.same(unprovenOf(alone([measured], { bench })), []);
  const compared = (tests: Tests, metrics: Metric[]) =>
    compareSides(record([measured, cell('patched', tests, { metrics })], { bench }));
  t.same(codes(compared({ a: 'pass' }, [figure('a.cpu')])), []);
  t.match(compared({ a: 'pass' }, []).unproven, [
    { code: 'no-figure', subjects: ['debian-6.12+x'] },
    { code: 'figures-gone', count: 1 },
  ]);
  t.same(codes(compared({ a: 'pass', b: 'pass' }, [figure('b.cpu')])), ['figures-gone']);
  t.same(codes(compared({ a: 'fail', b: 'pass' }, [figure('b.cpu')])), [], 'the failure explains it');
  t.end();
});

t.test('a run over mutants is judged by its mutants, and has no sides', (t) => {
  const killed = { name: '0001-x', fault: 'drop it', killed: true, killedBy: 'plain/passthrough: a' };
  const run = (mutants: NonNullable<RunRecord['mutants']>) =>
    record([cell('base', { a: 'pass' }), cell('patched', { a: 'fail' })], { mutants });
  t.same(outcomeOf(run([killed])), { exitCode: 0 });
  t.same(outcomeOf(run([killed, { name: '0002-y', fault: 'y', killed: false }])), { exitCode: 1 });
  t.same(outcomeOf(run([])), { exitCode: 1 }, 'no mutant was tried');
  t.end();
});
