/** Exit codes and first words of `compare` and `report` on stored runs that prove nothing. Nothing is built or booted. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cell, kernel, record } from '../compare/testing/records.ts';
import type { RunRecord } from '../model/run.ts';
import { ringlab as command } from './testing/ringlab.ts';

const dir = t.testdir({ cache: {} });
const env = { RINGLAB_CACHE: join(dir, 'cache'), NO_COLOR: '1' };
const ringlab = (...args: string[]) => command(args, { env, cwd: dir });

const base = { kernels: [kernel('base', 'debian-6.12')] };
const failure = { verdict: 'build-failed' as const, message: 'a.c:1: error', detail: 'a.c:1: error: x' };
const runs: Record<string, RunRecord> = {
  sound: record([cell('base', { a: 'pass', b: 'pass' })], base),
  skipped: record([cell('base', { a: 'skip', b: 'skip' })], base),
  some: record([cell('base', { a: 'pass', b: 'skip' })], base),
  less: record([cell('base', { a: 'pass' })], base),
  failed: record([cell('base', { a: 'fail' })], base),
  broken: record([], { kernels: [{ ...kernel('base', 'debian-6.12'), failure }] }),
  lab: record([], { ...base, failures: [{ subject: 'run', message: 'no space left' }] }),
  stopped: record([cell('base', { a: 'pass' })], { ...base, interrupted: true }),
};
for (const [name, run] of Object.entries(runs)) {
  mkdirSync(join(dir, name));
  writeFileSync(join(dir, name, 'run.json'), JSON.stringify({ ...run, id: name }));
}

t.test('report exits with the code of its run in each format, and gives the reason', async (t) => {
  const cases: [string, number, RegExp][] = [
    ['sound', 0, /./],
    ['some', 0, /./],
    ['skipped', 1, /(?:every test was skipped|all-skipped)/],
    ['failed', 1, /fail/],
    ['broken', 1, /a\.c:1: error/],
    ['lab', 3, /no space left/],
    ['stopped', 130, /interrupted/],
  ];
  const formats = ['text', 'markdown', 'junit', 'json'];
  for (const [name, code, reason] of cases) {
    const used = name === 'stopped' ? ['text', 'json'] : formats;
    const results = await Promise.all(used.map((format) => ringlab('report', name, '--format', format)));
    for (const [index, result] of results.entries()) {
      t.equal(result.code, code, `${name} as ${used[index]}: ${result.stderr}`);
      t.match(result.stdout, reason, `${name} as ${used[index]}`);
    }
  }
  const toFile = await ringlab('report', 'skipped', '--format', 'junit', '--out', 'out.xml');
  t.equal(toFile.code, 1, 'with --out');
});

t.test('compare fails for tests that are gone or newly skipped, unless that is allowed', async (t) => {
  const cases: [string[], number, RegExp?][] = [
    [['sound', 'sound'], 0],
    [['sound', 'skipped'], 1, /^UNPROVEN: every test was skipped/],
    [['skipped', 'sound'], 0],
    [['sound', 'some'], 1, /^UNPROVEN: 1 test that ran on the base is skipped/],
    [['sound', 'some', '--allow-skips'], 0],
    [['sound', 'skipped', '--allow-skips'], 0],
    [['sound', 'less'], 1, /^UNPROVEN: 1 test of the base is gone/],
    [['sound', 'less', '--allow-skips'], 1],
    [['sound', 'less', '--allow-gone'], 0],
    [['sound', 'broken'], 1, /^UNPROVEN: nothing was tested on debian-6\.12: build-failed: a\.c:1: error/],
    [['failed', 'failed'], 1, /^UNPROVEN: no test passes on debian-6\.12/],
  ];
  const results = await Promise.all(cases.map(([args]) => ringlab('compare', ...args)));
  for (const [index, [args, code, first]] of cases.entries()) {
    const { stdout, stderr, code: actual } = results[index] ?? { stdout: '', stderr: '', code: -1 };
    t.equal(actual, code, `${args.join(' ')}: ${stderr}${stdout}`);
    if (first) t.match(stdout, first, args.join(' '));
    else if (code === 0) t.notMatch(stdout, /UNPROVEN/, args.join(' '));
  }
  const json = await ringlab('compare', 'sound', 'some', '--json');
  t.match(json.stdout, /^\{\n {2}"unproven": \[\n {4}\{\n {6}"code": "skipped"/);
  const allowed = JSON.parse((await ringlab('compare', 'sound', 'some', '--allow-skips', '--json')).stdout);
  t.match(allowed, { allowed: { skips: true, gone: false }, unproven: undefined, changed: 1 });
});

t.test('a request that is wrong keeps an earlier log of events, and leaves no record', async (t) => {
  writeFileSync(join(dir, 'old.ndjson'), 'kept\n');
  const wrong = await ringlab('run', '--kernel', 'moon', '--events', 'old.ndjson', '--runs', 'left');
  t.equal(wrong.code, 2);
  t.equal((await ringlab('report', 'latest', '--runs', 'left')).code, 2);
  t.match(await ringlab('run', '--kernel', 'debian-6.12', '--out', 'old.ndjson/x'), {
    code: 2,
    stderr: /old\.ndjson is no folder/,
  });
  t.equal(readFileSync(join(dir, 'old.ndjson'), 'utf8'), 'kept\n');
});
