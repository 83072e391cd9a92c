import t from 'tap';
import type { Comparison } from '../model/compare.ts';
import type { Complaint, TestResult } from '../model/result.ts';
import type { CellRecord, RunRecord } from '../model/run.ts';
import { Verdict } from '../model/verdict.ts';
import { CHANGES, changeOf } from './changes.ts';
import { compareRecords, compareSides } from './compare.ts';
import { exitCodeOfComparison as exitCodeOf, exitCodeOfRun } from './exit.ts';
import { cell, kernel, record } from './testing/records.ts';

const verdicts = Verdict.options;
const failures = ['fail', 'timeout', 'crash', 'lost'];

const complaint = (signature: string, fatal = true): Complaint => ({
  title: signature,
  text: signature,
  line: 1,
  ...{ signature, fatal },
});

const pair = (base: Verdict, patched: Verdict) =>
  compareSides(record([cell('base', { x: base, y: 'pass' }), cell('patched', { x: patched, y: 'pass' })]));

t.test('every pair of verdicts', (t) => {
  const table = verdicts.map((base) => verdicts.map((patched) => CHANGES[base][patched]));
  t.same(verdicts, ['pass', 'fail', 'skip', 'todo', 'timeout', 'crash', 'lost']);
  t.same(table, [
    ['same', 'regressed', 'changed', 'changed', 'regressed', 'regressed', 'regressed'],
    ['fixed', 'same', 'changed', 'changed', 'changed', 'regressed', 'changed'],
    ['changed', 'regressed', 'same', 'changed', 'regressed', 'regressed', 'regressed'],
    ['fixed', 'regressed', 'changed', 'same', 'regressed', 'regressed', 'regressed'],
    ['fixed', 'changed', 'changed', 'changed', 'same', 'regressed', 'changed'],
    ['fixed', 'changed', 'changed', 'changed', 'changed', 'same', 'changed'],
    ['fixed', 'changed', 'changed', 'changed', 'changed', 'changed', 'same'],
  ]);
  for (const base of verdicts) {
    for (const patched of verdicts) {
      const change = CHANGES[base][patched];
      if (change === 'fixed') t.equal(patched, 'pass', `${base} -> ${patched}: only a pass is fixed`);
      if (change === 'regressed')
        t.ok(failures.includes(patched), `${base} -> ${patched}: only a failure regresses`);
      t.equal(change === 'same', base === patched, `${base} -> ${patched}: same is the same verdict`);
      const comparison = pair(base, patched);
      t.match(
        comparison,
        { [change]: change === 'same' ? 2 : 1 },
        `${base} -> ${patched} is counted as ${change}`,
      );
      const isSkippedNow =
        (patched === 'skip' && !['skip', 'lost'].includes(base)) || (base === 'pass' && patched === 'todo');
      t.equal(
        comparison.unproven?.some(({ code }) => code === 'skipped') ?? false,
        isSkippedNow,
        `${base} -> ${patched}: a test that ran is newly skipped`,
      );
      const worse =
        change === 'regressed' ||
        isSkippedNow ||
        patched === 'lost' ||
        (base === 'lost' && failures.includes(patched));
      t.equal(exitCodeOf(comparison), worse ? 1 : 0, `${base} -> ${patched} exits with ${worse ? 1 : 0}`);
    }
  }
  t.end();
});

t.test('a side without the test, and a kernel without the feature', (t) => {
  for (const verdict of verdicts) {
    t.equal(changeOf(undefined, { verdict }), 'new');
    t.equal(changeOf({ verdict }, undefined), 'gone');
  }
  const lacking = { verdict: 'skip' as const, lacks: 'IORING_REGISTER_MAP_BUFFERS' };
  t.equal(changeOf(lacking, { verdict: 'pass' }), 'new');
  t.equal(changeOf(lacking, { verdict: 'fail' }), 'regressed');
  t.equal(changeOf({ verdict: 'skip' }, { verdict: 'pass' }), 'changed');
  t.end();
});

t.test('new and gone tests', (t) => {
  const both = compareSides(record([cell('base', { old: 'pass' }), cell('patched', { young: 'pass' })]));
  t.match(both, { new: 1, gone: 1, passed: 1, failed: 0, same: 0 });
  t.equal(exitCodeOf(both), 1, 'a test is gone');
  const failing = compareSides(
    record([cell('base', { a: 'pass' }), cell('patched', { a: 'pass', b: 'fail' })]),
  );
  t.equal(exitCodeOf(failing), 1, 'a new test that fails');
  t.end();
});

t.test('a cell that broke on the patched side loses its tests', (t) => {
  const tests = { a: 'pass', b: 'pass', c: 'fail' } as const;
  const broken = cell('patched', { a: 'pass' }, { verdict: 'crash', reason: 'Kernel panic' });
  const comparison = compareSides(record([cell('base', tests), broken]));
  t.match(comparison, { same: 1, regressed: 1, changed: 1, gone: 0, failed: 2, passed: 1 });
  t.match(comparison.tests[1], { name: 'b', base: 'pass', patched: 'lost', reason: 'crash: Kernel panic' });
  t.match(comparison.brokenCells, [{ cell: 'plain/passthrough', side: 'patched', verdict: 'crash' }]);
  t.equal(exitCodeOf(comparison), 1);
  t.end();
});

t.test('a cell that was broken on base and runs now is fixed', (t) => {
  const broken = cell('base', {}, { verdict: 'boot-failed', reason: 'no init' });
  const comparison = compareSides(record([broken, cell('patched', { a: 'pass', b: 'skip' })]));
  t.match(comparison, { fixed: 1, changed: 1, new: 0 });
  t.equal(comparison.tests[0]?.reason, 'boot-failed: no init');
  t.equal(exitCodeOf(comparison), 0);
  t.equal(
    exitCodeOf(compareSides(record([broken, cell('patched', { a: 'fail' })]))),
    1,
    'a failure that base cannot be shown to have',
  );
  t.end();
});

t.test(
  'a kernel that could not be made is reported once: its cells are broken, and no test is compared',
  (t) => {
    const failure = { verdict: 'apply-failed' as const, message: 'patch 3 does not apply', detail: '@@' };
    const kernels = [kernel('base', 'debian-6.12'), { ...kernel('patched', 'debian-6.12+x'), failure }];
    const comparison = compareSides(record([cell('base', { a: 'pass' })], { kernels }));
    t.match(comparison, { regressed: 0, gone: 0, tests: { length: 0 } });
    t.match(comparison.brokenCells, [
      { side: 'patched', verdict: 'apply-failed', reason: 'patch 3 does not apply' },
    ]);
    t.same(comparison.unproven, [
      {
        ...{ code: 'kernel-failed', subjects: ['debian-6.12+x'], count: 1 },
        reason: 'apply-failed: patch 3 does not apply',
      },
    ]);
    t.equal(exitCodeOf(comparison), 1);
    const failed = [
      { ...kernel('base', 'debian-6.12'), failure: { ...failure, verdict: 'build-failed' as const } },
    ];
    const other = compareSides(
      record([cell('patched', { a: 'pass' })], { kernels: [...failed, kernel('patched', 'debian-6.12+x')] }),
    );
    t.match(other, { fixed: 0, new: 1, brokenCells: [{ side: 'base', verdict: 'build-failed' }] });
    t.match(other.unproven, [{ code: 'kernel-failed', subjects: ['debian-6.12'] }]);
    t.equal(exitCodeOf(other), 1, 'there is no base to compare with');
    t.end();
  },
);

t.test('two right behaviours are a change, told with its reason', (t) => {
  const seen = (side: 'base' | 'patched', behaviour?: string) =>
    cell(side, {}, { tests: [{ name: 'a', verdict: 'pass', ...(behaviour ? { behaviour } : {}) }] });
  const compared = (before?: string, after?: string) =>
    compareSides(record([seen('base', before), seen('patched', after)]));
  const changed = compared('before Linux 6.2: x', 'since Linux 6.2: x');
  t.match(changed, { changed: 1, tests: [{ change: 'changed', reason: 'since Linux 6.2: x' }] });
  t.equal(exitCodeOf(changed), 0, 'nothing got worse');
  t.match(compared('since Linux 6.2: x', 'since Linux 6.2: x'), { same: 1 });
  t.equal(compared('since Linux 6.2: x', 'since Linux 6.2: x').tests[0]?.reason, undefined);
  t.match(compared(undefined, 'since Linux 6.2: x'), { changed: 1 });
  t.end();
});

t.test('a choice that differs is a change, and neither a loss nor a gain', (t) => {
  const seen = (side: 'base' | 'patched', verdict: Verdict, more: Partial<TestResult> = {}) =>
    cell(
      side,
      {},
      {
        tests: [
          { name: 'a', verdict, class: 'choice', ...more },
          { name: 'b', verdict: 'pass', class: 'contract' },
        ],
      },
    );
  const compared = (...cells: CellRecord[]) => compareSides(record(cells));
  const differs = compared(seen('base', 'pass'), seen('patched', 'todo'));
  t.match(differs, { changed: 1, same: 1, regressed: 0, unproven: undefined });
  t.match(differs.tests, [{ class: 'choice', change: 'changed' }, { class: 'contract' }]);
  t.equal(exitCodeOf(differs), 0);
  t.match(compared(seen('base', 'todo'), seen('patched', 'pass')), { changed: 1, fixed: 0 });
  const lacks = { lacks: 'IORING_X', reason: 'the kernel has no IORING_X' };
  t.match(compared(seen('base', 'skip', lacks), seen('patched', 'todo')), { new: 1 });
  t.match(compared(seen('base', 'pass'), seen('patched', 'timeout')), { regressed: 1 }, 'a hang is none');
  t.end();
});

t.test('metrics are joined by name', (t) => {
  const metric = (name: string, value: number, spread?: number) => ({
    ...{ name, value, unit: 'ns', better: 'lower' as const },
    ...(spread === undefined ? {} : { spread }),
  });
  const { metrics } = compareSides(
    record([
      cell('base', { a: 'pass' }, { metrics: [metric('slat', 100, 2), metric('old', 1)] }),
      cell('patched', { a: 'pass' }, { metrics: [metric('slat', 50, 3), metric('new', 2)] }),
    ]),
  );
  const place = {
    ...{ cell: 'plain/passthrough', kernel: 'debian-6.12+x', profile: 'plain', suite: 'passthrough' },
  };
  t.same(metrics, [
    {
      ...place,
      name: 'slat',
      unit: 'ns',
      better: 'lower',
      base: 100,
      patched: 50,
      spread: 3,
      threshold: 3,
      verdict: 'better',
    },
    { ...place, name: 'old', unit: 'ns', better: 'lower', base: 1 },
    { ...place, name: 'new', unit: 'ns', better: 'lower', patched: 2 },
  ]);
  t.end();
});

t.test('a difference within what boots of one kernel differ by is no change', (t) => {
  type Way = 'lower' | 'higher' | 'none';
  const verdict = (base: number, patched: number, spread: number, better: Way, noise?: number) => {
    const own = noise === undefined ? {} : { noise };
    const metrics = (value: number) => [{ name: 'm', value, unit: 'u', better, spread, ...own }];
    const sides = [
      cell('base', { a: 'pass' }, { metrics: metrics(base) }),
      cell('patched', { a: 'pass' }, { metrics: metrics(patched) }),
    ];
    return compareSides(record(sides)).metrics[0]?.verdict;
  };
  t.equal(verdict(3000, 3050, 2, 'lower'), 'worse', '50 instructions more');
  t.equal(verdict(3000, 2950, 2, 'lower'), 'better');
  t.equal(verdict(3000, 3050, 2, 'higher'), 'better');
  t.equal(verdict(3000, 3050, 2, 'none'), 'changed');
  t.equal(verdict(3000, 3050, 50, 'lower'), 'same', 'the boots were as far apart');
  t.equal(verdict(3000, 3005, 0, 'lower'), 'same', 'three equal boots prove little');
  t.equal(verdict(0, 0, 0, 'lower'), 'same');
  t.equal(verdict(3000, 3050, 2, 'lower', 0.02), 'same', 'a figure that is known to be less exact');
  t.equal(verdict(3000, 3070, 2, 'lower', 0.02), 'worse');
  t.end();
});

t.test('a compared figure has its threshold and the values of all boots', (t) => {
  const metric = (boots: number[], noise?: number) => ({
    ...{ name: 'm', value: boots[1] ?? 0, unit: 'u', better: 'lower' as const, spread: 4, boots },
    ...(noise === undefined ? {} : { noise }),
  });
  const rowOf = (noise?: number) =>
    compareSides(
      record([
        cell('base', { a: 'pass' }, { metrics: [metric([999, 1000, 1003], noise)] }),
        cell('patched', { a: 'pass' }, { metrics: [metric([1051, 1050, 1049], noise)] }),
      ]),
    ).metrics[0];
  const boots = { base: [999, 1000, 1003], patched: [1051, 1050, 1049] };
  t.match(rowOf(), { boots, threshold: 4, verdict: 'worse' }, 'the spread of the boots');
  t.match(rowOf(0.06), { boots, threshold: 60, verdict: 'same' }, 'the noise of the figure');
  t.end();
});

t.test('complaints and warnings that only the patched side has', (t) => {
  const compare = (before: Complaint[], after: Complaint[]): Comparison =>
    compareSides(
      record(
        [
          cell('base', { a: 'pass' }, { complaints: before }),
          cell('patched', { a: 'pass' }, { complaints: after }),
        ],
        {
          kernels: [
            { ...kernel('base', 'debian-6.12'), warnings: ['a.c: known'] },
            {
              ...kernel('patched', 'debian-6.12+x'),
              warnings: ['a.c: known', 'b.c: young'],
              newWarnings: ['b.c: young'],
            },
          ],
        },
      ),
    );
  const news = compare([complaint('old')], [complaint('old'), complaint('young')]);
  t.match(news.newComplaints, [{ title: 'young', cell: 'plain/passthrough' }]);
  t.equal(news.newComplaints.length, 1);
  t.same(news.newWarnings, ['b.c: young']);
  t.equal(exitCodeOf(news), 1);
  t.equal(exitCodeOf(compare([complaint('old')], [complaint('old')])), 0);
  t.equal(exitCodeOf(compare([], [complaint('noise', false)])), 0, 'a device makes noise');
  t.end();
});

t.test('two runs are compared by guest and suite, patched side first', (t) => {
  const before = record([cell('base', { a: 'fail' }), cell('patched', { a: 'pass' })], { id: 'monday' });
  const after = record([cell('base', { a: 'pass' }, { kernel: 'mine' })], {
    id: 'tuesday',
    kernels: [kernel('base', 'mine')],
  });
  t.match(compareRecords(before, after), {
    same: 1,
    kind: 'runs',
    runs: { base: 'monday', patched: 'tuesday' },
    kernels: [{ base: { name: 'debian-6.12+x' }, patched: [{ name: 'mine' }] }],
  });
  t.match(compareRecords(after, before), { same: 1, fixed: 0 });
  const gone = record([], { id: 'empty', kernels: [kernel('base', 'mine')] });
  t.match(compareRecords(after, gone), { gone: 1 });
  t.end();
});

t.test('a comparison with a run that was killed or interrupted is unproven', (t) => {
  const whole = record([cell('patched', { a: 'pass' })]);
  t.equal(exitCodeOf(compareRecords(whole, whole)), 0);
  t.notOk(compareRecords(whole, whole).unfinished);
  for (const part of [
    { ...whole, unfinished: true },
    { ...whole, interrupted: true },
  ]) {
    t.match(compareRecords(part, whole), { same: 1, unfinished: ['base'] });
    t.equal(exitCodeOf(compareRecords(part, whole)), 1);
    t.same(compareRecords(whole, part).unfinished, ['patched']);
    t.equal(exitCodeOf(compareRecords(whole, part)), 1);
  }
  t.end();
});

t.test('a run with one side cannot be compared with itself', (t) => {
  const run = record([cell('base', { a: 'pass' })], { kernels: [kernel('base', 'debian-6.12')] });
  t.throws(() => compareSides(run), { exitCode: 2, message: /no patched kernel[\s\S]*--series/ });
  t.end();
});

t.test('exit code of a run on its own', (t) => {
  const one = (verdict: Verdict, more: Partial<CellRecord> = {}, run: Partial<RunRecord> = {}) =>
    exitCodeOfRun(
      record([cell('base', { a: verdict }, more)], { kernels: [kernel('base', 'debian-6.12')], ...run }),
    );
  for (const verdict of verdicts)
    t.equal(one(verdict), verdict === 'skip' || failures.includes(verdict) ? 1 : 0, verdict);
  t.equal(one('pass', { verdict: 'crash' }), 1);
  t.equal(one('pass', { complaints: [complaint('x')] }), 1);
  t.equal(one('pass', { complaints: [complaint('x', false)] }), 0);
  t.equal(one('pass', {}, { interrupted: true }), 130);
  t.equal(one('pass', {}, { unfinished: true }), 3, 'a run that did not end');
  t.equal(exitCodeOfRun(record([])), 1, 'nothing was tested');
  t.equal(exitCodeOfRun(record([cell('base', {})])), 1, 'no test came');
  t.equal(one('pass', {}, { failures: [{ subject: 'run', message: 'disk full' }] }), 3);
  const failure = { verdict: 'build-failed' as const, message: '', detail: '' };
  t.equal(one('pass', {}, { kernels: [{ ...kernel('base', 'debian-6.12'), failure }] }), 1);
  t.end();
});
