import { spawn } from 'node:child_process';
import { cpSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

const BIN = dirname(dirname(fileURLToPath(import.meta.url)));

/** Test files by what they are to show. */
const FILES = {
  passing: `import t from 'tap';
    t.test('outer', async (t) => {
      t.ok(1);
      await t.test('inner', async (t) => { t.equal(1, 1); t.ok(1, 'left out', { skip: 'no device' }); });
      await t.test('nothing asserted', async () => {});
      await t.test('whole', { skip: 'no device' }, () => {});
    });`,
  failing: `import t from 'tap';
    console.log('a word from the test');
    t.test('deep', async (t) => { await t.test('er', async (t) => { t.equal(1, 2, 'one is two'); }); });`,
  empty: 'export {};',
  skipped: `import t from 'tap'; t.plan(0, 'not on this machine');`,
  broken: `import t from 'tap'; import './no-such-file.ts'; t.ok(1);`,
  killed: `import t from 'tap'; t.ok(1); process.kill(process.pid, 'SIGKILL');`,
  leaving: `import t from 'tap'; t.ok(1); t.test('cut off', async (t) => { t.ok(1); process.exit(0); });`,
  exiting: `import t from 'tap'; t.ok(1); process.on('exit', () => { process.exitCode = 3; });`,
  planned: `import t from 'tap'; t.plan(3); t.ok(1);`,
  bailing: `import t from 'tap'; t.ok(1); t.bailout('the end');`,
  waiting: `import t from 'tap'; t.test('waits', async () => { console.error('pid ' + process.pid); await new Promise((r) => setTimeout(r, 60_000)); });`,
} as const;

/** A project that has the runner and the given test files. */
function project(t: Test, files: Partial<Record<keyof typeof FILES, string>>): string {
  const lab: Record<string, string> = {};
  for (const [name, end] of Object.entries(files)) lab[`${name}${end}`] = FILES[name as keyof typeof FILES];
  const taprc = 'plugin: ["!@tapjs/typescript"]\nnode-arg: ["--import=tsx"]\ndisable-coverage: true\n';
  const root = t.testdir({ 'package.json': '{ "type": "module" }', '.taprc': taprc, lab });
  cpSync(BIN, join(root, 'bin'), { recursive: true, filter: (path) => !path.endsWith('.test.ts') });
  symlinkSync(join(dirname(BIN), 'node_modules'), join(root, 'node_modules'));
  return root;
}

/** The environment without what tap tells its children: the runner is to start as a user starts it. */
const plainEnv = Object.fromEntries(
  Object.entries(process.env).filter(([key]) => !/^_?TAP|^NODE_OPTIONS/.test(key)),
);

function start(root: string, args: readonly string[]) {
  return spawn(process.execPath, ['bin/test.mjs', ...args], { cwd: root, env: plainEnv });
}

async function npmTest(root: string, ...args: string[]) {
  const child = start(root, args);
  const code = new Promise<number | null>((resolve) => void child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr, last: stdout.trimEnd().split('\n').at(-1) };
}

t.test('leaves are counted, skips told with their reasons, and the parts can be chosen', async (t) => {
  const root = project(t, { passing: '.test.ts', skipped: '.e2e.ts' });
  const both = await npmTest(root, 'lab');
  t.match(both, { code: 0, last: '3 passed, 0 failed, 3 skipped' }, both.stdout);
  t.match(both.stdout, / 2 x no device\n[\s\S]* 1 x not on this machine\n/);
  t.match(both.stdout, /^ok {3}lab\/passing.test.ts \(3 passed, 2 skipped\)[\s\S]*skipped.e2e.ts/m);
  t.match(await npmTest(root, '--unit', 'lab'), { code: 0, last: '3 passed, 0 failed, 2 skipped' });
  t.match(await npmTest(root, '--e2e'), { code: 0, last: '0 passed, 0 failed, 1 skipped' });
});

t.test('an end-to-end file shows each of its tests', async (t) => {
  const { stdout } = await npmTest(project(t, { passing: '.e2e.ts' }), 'lab');
  t.match(stdout, /^ok {5}outer .*\nok {3}lab\/passing.e2e.ts/m);
});

t.test('each way to fail counts once and says why', async (t) => {
  const ways: Partial<Record<keyof typeof FILES, { passed: number; why: RegExp }>> = {
    failing: {
      passed: 0,
      why: /failing.test.ts > deep > er > one is two\n[\s\S]*lineNumber: 3[\s\S]*a word from the test/,
    },
    empty: { passed: 0, why: /empty.test.ts: has no tests/ },
    broken: { passed: 0, why: /broken.test.ts: ended with exit code 1/ },
    killed: { passed: 1, why: /killed.test.ts: ended by SIGKILL/ },
    leaving: { passed: 2, why: /leaving.test.ts > cut off > test unfinished/ },
    exiting: { passed: 1, why: /exiting.test.ts: ended with exit code 3/ },
    planned: { passed: 1, why: /planned.test.ts > test count\(1\) != plan\(3\)/ },
  };
  const files = Object.fromEntries(Object.keys(ways).map((name) => [name, '.test.ts']));
  const { code, last, stdout } = await npmTest(project(t, files), 'lab');
  t.match({ code, last }, { code: 1, last: '5 passed, 7 failed, 0 skipped' }, stdout);
  for (const [name, { passed, why }] of Object.entries(ways)) {
    t.match(stdout, `FAIL lab/${name}.test.ts (${passed} passed, 1 failed)`);
    t.match(stdout, why);
  }
  t.notMatch(stdout, /externalID|--import/);
});

t.test('after a bail-out the files that did not run are failures', async (t) => {
  const result = await npmTest(project(t, { bailing: '.test.ts', passing: '.test.ts' }), 'lab');
  t.equal(result.code, 1);
  t.match(result.stdout, /bailed out: the end[\s\S]*passing.test.ts: did not run/);
});

t.test('wrong arguments and an empty choice are not a pass', async (t) => {
  const root = project(t, { passing: '.test.ts' });
  t.match(await npmTest(root, 'lab/nothing.test.ts'), { code: 2, stderr: /no such file or folder/ });
  t.match(await npmTest(root, '--unit', '--e2e'), { code: 2, stderr: /exclude each other/ });
  t.match(await npmTest(root, '--e2e'), { code: 2, stderr: /no tests were found/ });
});

t.test('an interrupted run ends its tests, counts as failed and still ends with the count', async (t) => {
  const child = start(project(t, { waiting: '.test.ts' }), ['lab']);
  const stdout = text(child.stdout);
  const code = new Promise((resolve) => void child.once('close', resolve));
  const pid = await new Promise<number>((resolve) =>
    child.stderr.on('data', (chunk) => {
      const found = /pid (\d+)/.exec(String(chunk));
      if (found) resolve(Number(found[1]));
    }),
  );
  child.kill('SIGTERM');
  t.equal(await code, 130);
  t.match(await stdout, /interrupted by SIGTERM\n\n0 passed, \d failed, 0 skipped\n$/);
  t.throws(() => process.kill(pid, 0), 'the test process is gone');
});
