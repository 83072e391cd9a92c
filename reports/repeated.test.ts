/** What reports say of tests that ran several times. */
import t from 'tap';
import { cellsOfSide } from '../lab/model/run.ts';
import { comparison, record } from './golden/sample.ts';
import { type ReportInput, render } from './index.ts';

t.test('every report has what the reruns of a regressed test say', (t) => {
  const rates = { base: { failed: 0, runs: 3 }, patched: { failed: 1, runs: 3 } };
  const [row] = comparison.tests.filter(
    ({ change, patched }) => change === 'regressed' && patched !== undefined && patched !== 'crash',
  );
  if (!row) throw new Error('the sample has no regressed test');
  const input = (outcome: 'flaky' | 'after-others', flakyFails?: true): ReportInput => {
    const confirmation = { outcome, ...rates, ...(outcome === 'flaky' ? {} : { after: ['the first'] }) };
    const tests = comparison.tests.map((each) => (each === row ? { ...each, confirmation } : each));
    return { record, comparison: { ...comparison, tests, flaky: 1, ...(flakyFails ? { flakyFails } : {}) } };
  };
  const words = /flaky: fails 1 of 3, on base 0 of 3/;
  for (const format of ['text', 'markdown', 'junit'] as const) t.match(render(format, input('flaky')), words);
  t.match(render('text', input('flaky')), /regressed \d+ \(1 flaky, no failure\)/);
  t.match(render('text', input('flaky', true)), /regressed \d+ \(1 flaky\)/);
  const failures = (report: string) => report.match(/<(?:failure|error) /g)?.length ?? 0;
  const plain = failures(render('junit', { record, comparison }));
  t.equal(failures(render('junit', input('flaky'))), plain - 1, 'a flaky test is no failure for a CI');
  t.equal(failures(render('junit', input('flaky', true))), plain);
  const after = render('text', input('after-others')).replace(/\s+/g, ' ');
  t.match(after, /passes alone, fails only after "the first": alone 1 of 3, on base 0 of 3/);
  t.end();
});

t.test('every report says how often a repeated test failed', (t) => {
  const rate = { failed: 3, runs: 15 };
  const cells = cellsOfSide(record, 'patched').map((cell) => ({
    ...cell,
    tests: cell.tests.map((test) => (test.verdict === 'fail' ? { ...test, rate } : test)),
  }));
  const alone: ReportInput = { record: { ...record, cells } };
  for (const format of ['text', 'markdown', 'junit'] as const)
    t.match(render(format, alone), /fails 3 of 15 \(7% to 45%\)/, format);
  t.match(render('json', alone), /"rate": \{\s*"failed": 3,\s*"runs": 15/);
  const rates = { base: { failed: 2, runs: 15 }, patched: rate };
  const tests = comparison.tests.map((each) => (each.change === 'same' ? { ...each, rates } : each));
  const compared: ReportInput = { record, comparison: { ...comparison, tests } };
  t.match(render('text', compared).replace(/\s+/g, ' '), /fails 3 of 15 \(7% to 45%\), on base 2 of 15/);
  t.end();
});
