import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { RunRecord } from '../model/run.ts';
import { ringlab } from './testing/ringlab.ts';

/** Suites that are not the project's: what a developer writes, and programs that know nothing of ringlab. */

const dir = t.testdir();
const programs = join(import.meta.dirname, 'testing/programs');

function compile(source: string, to: string): string {
  execFileSync('gcc', ['-Wall', '-Werror', '-o', to, join(programs, source)]);
  return to;
}

/** Runs suites on a plain guest: the exit code and the tests of each suite. */
async function runSuites(...suites: string[]) {
  const chosen = suites.flatMap((suite) => ['--suite', suite]);
  const { code, stdout, stderr } = await ringlab(['run', '--guest', 'plain', ...chosen, '--json']);
  const record = stdout.startsWith('{') ? (JSON.parse(stdout) as RunRecord) : undefined;
  const tests = Object.fromEntries((record?.cells ?? []).map((cell) => [cell.suite, cell.tests]));
  return { code, stderr, tests };
}

t.test('a new suite runs as it was made', async (t) => {
  const mine = join(dir, 'my-suite');
  t.equal((await ringlab(['suite', 'new', mine])).code, 0);
  const { code, stderr, tests } = await runSuites(mine);
  t.equal(code, 0, stderr.slice(-2000));
  t.same(
    tests['my-suite']?.map(({ verdict }) => verdict),
    ['pass', 'pass', 'pass'],
  );
});

t.test(
  'a failing test of it is told by its own place; one that does not compile is told before anything boots',
  async (t) => {
    const mine = join(dir, 'wrong');
    t.equal((await ringlab(['suite', 'new', mine])).code, 0);
    const file = join(mine, 'index.ts');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace("'EINVAL'", "'EPERM'"));
    const { code, tests } = await runSuites(mine);
    t.equal(code, 1);
    const failed = tests.wrong?.find(({ verdict }) => verdict === 'fail');
    t.equal(failed?.name, 'a flush of another namespace than the opened one fails with EINVAL');
    const line = text.split('\n').findIndex((one) => one.includes("'EINVAL'")) + 1;
    t.match(failed?.detail, new RegExp(`at: ".*wrong/index.ts:${line}:`));
    t.notMatch(failed?.detail, dir, 'where it lies on this machine');
    writeFileSync(file, `${text}\nconst = 1;\n`);
    const broken = await runSuites(mine);
    t.equal(broken.code, 2);
    t.match(broken.stderr, /index\.ts:\d+:\d+: .*Expected identifier/);
  },
);

t.test('a C program that prints TAP, with its arguments and files', async (t) => {
  const folder = join(dir, 'in-c');
  mkdirSync(join(folder, 'data'), { recursive: true });
  compile('tap.c', join(folder, 'tap'));
  writeFileSync(join(folder, 'data/hello'), 'hello');
  writeFileSync(
    join(folder, 'suite.yaml'),
    'name: in-c\nrun: [./tap, /dev/nvme0n1, data/hello]\nfiles: [data]\ntimeoutSeconds: 20\n',
  );
  const { code, stderr, tests } = await runSuites(folder);
  t.equal(code, 0, stderr.slice(-2000));
  t.same(
    tests['in-c']?.map(({ name, verdict }) => [name, verdict]),
    [
      ['it has its arguments', 'pass'],
      ['it reads the device', 'pass'],
      ['it has its file', 'pass'],
      ['nothing to do', 'skip'],
    ],
  );
});

t.test('programs with nothing but an exit code, pointed at', async (t) => {
  const exit = compile('exit.c', join(dir, 'exit'));
  const named = ['0', '77', '3', 'crash'].map((how) => {
    const path = join(dir, `exit-${how}`);
    copyFileSync(exit, path);
    return path;
  });
  const { code, tests } = await runSuites(...named);
  t.equal(code, 1);
  const only = (suite: string) => tests[suite]?.map(({ name, verdict, reason }) => [name, verdict, reason]);
  t.same(only('exit-0'), [['exit-0', 'pass', undefined]]);
  t.same(only('exit-77'), [['exit-77', 'skip', 'exit code 77: told to end by 77']]);
  t.same(only('exit-3'), [['exit-3', 'fail', 'exit code 3']]);
  t.same(only('exit-crash'), [['exit-crash', 'fail', 'ended by SIGSEGV']]);
  t.match(tests['exit-3']?.[0]?.detail, /told to end by 3/, 'what it said');
});

t.test('a program explains a failure and a skip on standard error', async (t) => {
  const program = compile('stderr.c', join(dir, 'assert-stderr'));
  const skipped = join(dir, 'lacks-skip');
  copyFileSync(program, skipped);
  const script = join(dir, 'dies-early');
  writeFileSync(script, '#!/bin/sh\nset -e\nno-such-tool --version\necho 1..1\n', { mode: 0o755 });
  const { code, tests } = await runSuites(program, skipped, script);
  t.equal(code, 1);
  t.match(tests['assert-stderr'], [
    { name: 'opens', verdict: 'pass' },
    { name: 'resizes', verdict: 'fail', reason: /^ring\.c:\d+: expected 16 entries, got 15$/ },
    { name: 'closes', verdict: 'pass' },
  ]);
  t.match(tests['lacks-skip'], [{ verdict: 'skip', reason: 'this kernel has no such ring' }]);
  t.match(tests['dies-early'], [{ verdict: 'fail', reason: /^exit code 127: .*no-such-tool: not found/ }]);
});

t.test('a program that does not end is stopped at its deadline', async (t) => {
  const folder = join(dir, 'endless');
  mkdirSync(folder);
  writeFileSync(join(folder, 'run.sh'), '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
  writeFileSync(join(folder, 'suite.yaml'), 'name: endless\nrun: [run.sh]\ntimeoutSeconds: 2\n');
  const { code, tests } = await runSuites(folder);
  t.equal(code, 1);
  t.match(tests.endless, [{ name: 'endless', verdict: 'timeout' }]);
});
