import t from 'tap';
import type { TestResult } from '../model/result.ts';
import { type SupportTable, supportText, unsupportedOn, updatedTable } from './support.ts';

const empty: SupportTable = { source: 'none', releases: [], programs: {} };
const tests = (results: Record<string, [TestResult['verdict'], string?]>): TestResult[] =>
  Object.entries(results).map(([name, [verdict, reason]]) => ({
    name,
    verdict,
    ...(reason ? { reason } : {}),
  }));

t.test('what did not pass on a release is listed with verdict and reason; what passed is not', (t) => {
  const measured = tests({
    a: ['pass'],
    b: ['fail', 'exit code 1'],
    c: ['skip', 'no futex'],
    d: ['timeout', 'slow'],
  });
  const table = updatedTable(empty, 'v2', [
    { release: '6.12.117', tests: measured },
    { release: '6.1-rc3', tests: tests({ a: ['crash', 'Oops\ntrace'] }) },
  ]);
  t.same(table, {
    source: 'v2',
    releases: ['6.1', '6.12'],
    programs: {
      a: { '6.1': { verdict: 'crash', reason: 'Oops' } },
      b: { '6.12': { verdict: 'fail', reason: 'exit code 1' } },
      c: { '6.12': { verdict: 'skip', reason: 'no futex' } },
      d: { '6.12': { verdict: 'timeout', reason: 'slow' } },
    },
  });
  t.match(supportText(table), /^# What[\s\S]*6\.12/);
  t.same(unsupportedOn(table, 'b'), { '6.12': 'does not work on Linux 6.12: fail, exit code 1' });
  t.equal(unsupportedOn(table, 'c'), undefined, 'a program that skips itself runs');
  t.end();
});

t.test(
  'a failure that does not come in every run of a release is not listed, so that it stays a failure',
  (t) => {
    const table = updatedTable(empty, 'v', [
      { release: '6.12.1', tests: tests({ a: ['fail'], b: ['fail', 'x'] }) },
      { release: '6.12.2', tests: tests({ a: ['pass'], b: ['fail', 'x'] }) },
    ]);
    t.same(Object.keys(table.programs), ['b']);
    t.end();
  },
);

t.test(
  'an entry stays while the table keeps its program from running, and goes when the program passes',
  (t) => {
    const reason = 'exit code 1';
    const before: SupportTable = {
      ...{ source: 'v', releases: ['6.12'] },
      programs: {
        a: { '6.12': { verdict: 'fail', reason } },
        b: { '6.12': { verdict: 'skip', reason: 'no device' } },
      },
    };
    const skipped = unsupportedOn(before, 'a')?.['6.12'] ?? '';
    const table = updatedTable(before, 'v', [
      { release: '6.12.9', tests: tests({ a: ['skip', skipped], b: ['pass'] }) },
    ]);
    t.same(table.programs, { a: { '6.12': { verdict: 'fail', reason } } });
    t.end();
  },
);

t.test('a program whose subtests are all skipped has the reason of each', (t) => {
  const measured = tests({
    'a > nullb0': ['skip', 'not an NVMe drive'],
    'a > nvme0n1': ['skip', 'no option X'],
    'a > nvme1n1': ['skip', 'no option X'],
  });
  t.same(updatedTable(empty, 'v', [{ release: '6.1', tests: measured }]).programs, {
    a: { '6.1': { verdict: 'skip', reason: 'not an NVMe drive; no option X' } },
  });
  t.end();
});

t.test('a program has the worst verdict of its subtests', (t) => {
  const measured = tests({
    'a > x': ['pass'],
    'a > y': ['fail', 'reads 0'],
    'b > x': ['pass'],
    'b > y': ['skip', 'z'],
  });
  const { programs } = updatedTable(empty, 'v', [{ release: '6.12', tests: measured }]);
  t.same(programs, { a: { '6.12': { verdict: 'fail', reason: 'y: reads 0' } } });
  const many = tests(Object.fromEntries(['p', 'q', 'r', 's'].map((name) => [`c > ${name}`, ['fail']])));
  t.same(updatedTable(empty, 'v', [{ release: '6.12', tests: many }]).programs, {
    c: { '6.12': { verdict: 'fail', reason: 'p, q, r and 1 more' } },
  });
  t.end();
});
