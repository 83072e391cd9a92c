/** Reports and the exit code of `ringlab report` agree on what a failure is. */
import { execFileSync } from 'node:child_process';
import t, { type Test } from 'tap';
import { findingsOf, stateOf } from '../../reports/findings.ts';
import * as kernels from '../../reports/golden/kernels.ts';
import * as sample from '../../reports/golden/sample.ts';
import { render } from '../../reports/index.ts';
import { outcomeOf } from '../compare/outcome.ts';
import { cell, kernel, record } from '../compare/testing/records.ts';
import type { RunRecord } from '../model/run.ts';

const base = { kernels: [kernel('base', 'debian-6.12')] };
const failure = { verdict: 'build-failed' as const, message: 'a.c:1: error', detail: 'a.c:1: error: x' };
const mutant = { name: '0001', fault: 'no retry' };
const complaint = { title: 'WARNING in x', signature: 'x', text: 'x', line: 1, fatal: true };
const runs: Record<string, RunRecord> = {
  sound: record([cell('base', { a: 'pass', b: 'pass' })], base),
  skipped: record([cell('base', { a: 'skip', b: 'skip' })], base),
  failed: record([cell('base', { a: 'fail' })], base),
  complained: record([{ ...cell('base', { a: 'pass' }), complaints: [complaint] }], base),
  broken: record([{ ...cell('base', { a: 'pass' }), verdict: 'crash', reason: 'panic' }], base),
  'not built': record([], { kernels: [{ ...kernel('base', 'debian-6.12'), failure }] }),
  lab: record([], { ...base, failures: [{ subject: 'run', message: 'no space left' }] }),
  stopped: record([cell('base', { a: 'pass' })], { ...base, interrupted: true }),
  killed: record([cell('base', { a: 'pass' })], { ...base, unfinished: true }),
  'mutants killed': record([cell('base', { a: 'pass' })], {
    ...base,
    mutants: [{ ...mutant, killed: true }],
  }),
  'mutant survives': record([cell('base', { a: 'pass' })], {
    ...base,
    mutants: [{ ...mutant, killed: false }],
  }),
  same: record([cell('base', { a: 'pass', b: 'fail' }), cell('patched', { a: 'pass', b: 'fail' })]),
  fixed: record([cell('base', { a: 'pass', b: 'fail' }), cell('patched', { a: 'pass', b: 'pass' })]),
  regressed: record([cell('base', { a: 'pass', b: 'pass' }), cell('patched', { a: 'pass', b: 'fail' })]),
  'new failure': record([cell('base', { a: 'pass' }), cell('patched', { a: 'pass', b: 'fail' })]),
  lost: record([cell('base', { a: 'pass', b: 'fail' }), cell('patched', { a: 'pass', b: 'lost' })]),
  gone: record([cell('base', { a: 'pass', b: 'pass' }), cell('patched', { a: 'pass' })]),
  worse: record([cell('base', { a: 'pass', b: 'fail' }), cell('patched', { a: 'pass', b: 'timeout' })]),
  sample: sample.record,
  kernels: kernels.record,
};

for (const [name, run] of Object.entries(runs))
  t.test(`a run is called a failure as its exit code says: ${name}`, (t) => {
    const { comparison, exitCode } = outcomeOf(run);
    const findings = findingsOf({ record: run, comparison });
    t.equal(
      stateOf(findings) === 'fail',
      exitCode !== 0,
      `exit code ${exitCode}: ${JSON.stringify(findings)}`,
    );
    t.end();
  });

const sender = 'Lab Robot <lab@x.org>';

/** Trailers as git and all tools of the kernel collect them. */
const trailers = (t: Test, mail: string) =>
  execFileSync('git', ['interpret-trailers', '--parse'], {
    input: mail.slice(mail.indexOf('\n\n') + 2),
    cwd: t.testdir(),
    encoding: 'utf8',
  });

t.test('only a run without findings gives a Tested-by, and no tool takes the tag for a fix', async (t) => {
  const sound = record([cell('base', { a: 'fail' }), cell('patched', { a: 'pass' })]);
  const good = render('mail', { record: sound, comparison: outcomeOf(sound).comparison, sender });
  t.equal(trailers(t, good.slice(0, good.indexOf('=====')).trimEnd()), `Tested-by: ${sender}\n`);
  const bad = render('mail', { ...sample, sender, url: 'https://x.org/1' });
  t.notMatch(bad, /^Tested-by/m);
  t.match(bad, `| Reported-by: ${sender}\n| Closes: https://x.org/1\n`);
  const nobody = render('mail', { record: sound, comparison: outcomeOf(sound).comparison });
  t.notMatch(nobody, /Tested-by|^From:/m, 'without a sender');
});
