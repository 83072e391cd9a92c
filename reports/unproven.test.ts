/** Reports say first what a run or comparison does not prove. */
import t from 'tap';
import type { RunRecord } from '../lab/model/run.ts';
import { Unproven } from '../lab/model/unproven.ts';
import { comparison, record } from './golden/sample.ts';
import { render } from './index.ts';
import { unprovenWords } from './unproven.ts';

const entry = (code: Unproven['code'], more: Partial<Unproven> = {}): Unproven => ({
  ...{ code, subjects: ['debian-6.12+mpath'], count: 2 },
  ...more,
});

t.test('each code has a sentence with its subject, its number and its reason', (t) => {
  const words = new Set<string>();
  for (const code of Unproven.shape.code.options) {
    const text = unprovenWords(entry(code, { reason: 'no drive' }));
    words.add(text);
    t.ok(code === 'nothing-compared' || text.includes('debian-6.12+mpath'), text);
  }
  t.equal(words.size, Unproven.shape.code.options.length);
  t.equal(
    unprovenWords(entry('gone', { subjects: ['a', 'b', 'c', 'd', 'e', 'f'], count: 107 })),
    '107 tests of the base are gone, in a, b, c, d and 2 more (--allow-gone allows it)',
  );
  t.match(
    unprovenWords(entry('skipped', { count: 1, reason: 'no drive' })),
    /^1 test .* is skipped .*: no drive$/,
  );
  t.equal(unprovenWords(entry('no-test', { subjects: [] })), 'no kernel was tested');
  t.end();
});

t.test('every format begins with it, and JUnit has a failure for each', (t) => {
  const two = { ...comparison, unproven: [entry('skipped'), entry('gone')] };
  const text = render('text', { record, comparison: two });
  t.match(text, /^UNPROVEN: 2 tests that ran[\s\S]*\nUNPROVEN: 2 tests of the base are gone/);
  t.match(text, /\n\nUNPROVEN for 2 reasons: see the first lines\nfixed 1, [^\n]*\n$/);
  t.match(
    render('markdown', { record, comparison: two }),
    /^\*\*Unproven:\*\* 2 tests that[^\n]*\n\n\*\*Unproven:\*\*/,
  );
  t.match(render('json', { record, comparison: two }), /^\{\n {2}"unproven": \[/);
  const junit = render('junit', { record, comparison: two });
  t.match(junit, '<testsuite name="(evidence)" tests="2" failures="2" errors="0" skipped="0">');
  t.match(junit, '<testcase classname="(evidence)" name="gone">');
  t.match(junit, '<failure type="unproven" message="2 tests of the base are gone');
  t.end();
});

t.test('a run without a comparison is judged by its record', (t) => {
  const skipped: RunRecord = {
    ...record,
    cells: record.cells.map((cell) => ({
      ...{ ...cell, verdict: 'done', complaints: [] },
      tests: [{ name: 'a', verdict: 'skip', reason: 'no drive' }],
    })),
  };
  for (const format of ['text', 'markdown', 'junit', 'json'] as const)
    t.match(
      render(format, { record: skipped }),
      /all-skipped|every test was skipped on debian-6\.12\+mpath/,
      format,
    );
  t.match(
    render('text', { record: skipped }),
    /^UNPROVEN: every test was skipped on debian-6\.12\+mpath \(3; --allow-skips allows it\): no drive\n/,
  );
  const { unproven: _unproven, ...proven } = comparison;
  for (const format of ['text', 'markdown', 'junit', 'json'] as const)
    t.notMatch(render(format, { record, comparison: proven }), /unproven/i, format);
  t.end();
});

t.test('a run over mutants is reported by its mutants: what they break fails nothing', (t) => {
  const mutants = [
    { name: '0001-a', fault: 'nvme: drop it', killed: true, killedBy: 'plain/passthrough: keeps order' },
    { name: '0002-b', fault: 'nvme: keep it', killed: false },
    { name: '0003-c', fault: 'nvme: no C', killed: false, broken: 'does not build: ioctl.c' },
  ];
  const run = { record: { ...record, mutants } };
  const text = render('text', run);
  t.match(
    text,
    /mutants \(3\)\n {2}killed {3}0001-a\n {11}plain\/passthrough: keeps order\n {2}survived 0002-b\n/,
  );
  t.match(text, /3 mutants: 1 killed, 1 survived, 1 broken in 123 s\n$/);
  t.match(render('markdown', run), '| survived | 0002-b | nvme: keep it |');
  const junit = render('junit', run);
  t.match(junit, '<testsuite name="(mutants)" tests="3" failures="1" errors="1" skipped="0">');
  t.notMatch(junit, /<failure type="fail"/, 'a test that a mutant breaks');
  t.match(junit, 'message="with the mutant: fail: expected [1, 2], got [2, 1]"');
  t.end();
});

t.test('the reason of tests that a cell lost together is given once in the text', (t) => {
  const reason = 'boot-failed: no guest in 60 s';
  const [first] = record.cells;
  if (!first) throw new Error('the sample has no cell');
  const lost = (name: string) => ({ name, verdict: 'lost' as const, reason });
  const cells = ['plain', 'swiotlb'].map((profile) => ({
    ...{ ...first, profile, verdict: 'boot-failed' as const, reason: 'no guest in 60 s' },
    tests: [lost('a'), lost('b'), { name: 'c', verdict: 'fail' as const, reason }, lost('d')],
  }));
  const text = render('text', { record: { ...record, cells } });
  t.equal(text.split(reason).length - 1, 4, `once for a and b, and for c, in each cell:\n${text}`);
  for (const name of ['a', 'b', 'c', 'd']) t.match(text, new RegExp(`^ {4}${name} +(?:lost|fail)$`, 'm'));
  t.end();
});
