import t from 'tap';
import type { TestResult } from '../model/result.ts';
import { type AttributedComplaint, attributeComplaints } from './attribute.ts';
import { runningTest } from './complaints.ts';

const test = (name: string, verdict: TestResult['verdict'] = 'pass'): TestResult => ({ name, verdict });
const complaint = (more: Partial<AttributedComplaint>): AttributedComplaint => ({
  title: 'KASAN: slab-use-after-free in f',
  signature: 'KASAN f',
  text: 'BUG: KASAN: slab-use-after-free in f',
  ...{ line: 1, fatal: true },
  ...more,
});

t.test('a fatal complaint turns the verdict of the test that was running into crash', (t) => {
  const results = attributeComplaints([test('a'), test('b'), test('c', 'skip')], [complaint({ test: 'b' })]);
  t.same(
    results.map(({ verdict }) => verdict),
    ['pass', 'crash', 'skip'],
  );
  t.match(results[1], { reason: 'KASAN: slab-use-after-free in f', detail: /BUG: KASAN/ });
  t.end();
});

t.test('a complaint that is not fatal, or outside of every test, changes no test', (t) => {
  const complaints = [complaint({ test: 'a', fatal: false }), complaint({})];
  t.same(attributeComplaints([test('a')], complaints), [test('a')]);
  t.end();
});

t.test('the running test is the last that began and did not end', (t) => {
  const log = (...lines: string[]) => lines.map((line) => `[    1.000000] ringlab: ${line}\r\n`).join('');
  t.equal(runningTest(log('begin "a"', 'end "a"', 'begin "b"')), 'b');
  t.equal(runningTest(log('begin "a"', 'end "a"')), undefined);
  t.equal(runningTest(''), undefined);
  t.end();
});

t.test('a complaint while a program with subtests runs is a result of the program', (t) => {
  const results = [
    { name: 'poll > reads', verdict: 'pass' as const },
    { name: 'poll > writes', verdict: 'pass' as const },
    { name: 'pollute', verdict: 'pass' as const },
  ];
  const report = { signature: '', line: 1, fatal: true, test: 'poll' };
  const complaints = [
    { ...report, title: 'BUG: first', text: 'a' },
    { ...report, title: 'BUG: second', text: 'b' },
  ];
  t.match(attributeComplaints(results, complaints), [
    ...results,
    { name: 'poll', verdict: 'crash', reason: 'BUG: first', detail: 'a' },
  ]);
  t.equal(
    attributeComplaints(results, [{ ...report, title: 'x', text: '', fatal: false }]).length,
    3,
    'results',
  );
  t.end();
});
