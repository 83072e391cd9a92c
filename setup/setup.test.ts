import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

/** Folder setup/ of the checkout. */
const SETUP = dirname(fileURLToPath(import.meta.url));

/** Scripts of fake commands, each of which notes its call. A package is installed when `installed/` has a file of its name. */
const FAKES: Record<string, string> = {
  'dpkg-query': `shift 3; for name; do [ -e "$STATE/installed/$name" ] && echo "$name installed"; done; exit 1`,
  'apt-get': `case "$*" in
    *update*) [ ! -e "$STATE/offline" ] ;;
    *install*) [ -e "$STATE/broken" ] && { echo "E: Unable to locate package" >&2; exit 100; }
      for word; do :> "$STATE/installed/$word"; done 2>/dev/null; true ;;
  esac`,
  id: 'cat "$STATE/uid"',
  sudo: `shift; [ -e "$STATE/sudoer" ] && "$@"`,
  npm: `[ -e "$STATE/broken-npm" ] && { echo "npm error network" >&2; exit 1; }
    if [ "$1" = rebuild ]; then [ -e "$STATE/broken-sqlite" ] && exit 1
      mkdir -p node_modules/better-sqlite3/build/Release
      :> node_modules/better-sqlite3/build/Release/better_sqlite3.node; exit; fi
    mkdir -p node_modules/tap/dist/esm && cat "$STATE/tap.mjs" > node_modules/tap/dist/esm/run.mjs`,
};

const TAP = `import { appendFileSync, mkdirSync } from 'node:fs';
mkdirSync('.tap/plugins', { recursive: true });
appendFileSync(process.env.STATE + '/calls', 'tap ' + process.argv[2] + '\\n');`;

const BINDING = `import { appendFileSync } from 'node:fs';
export async function buildBinding() { appendFileSync(process.env.STATE + '/calls', 'binding\\n'); }`;

/** A checkout, and a machine whose commands are fakes that keep their facts in a state folder. */
class Machine {
  readonly root: string;
  readonly bin: string;
  readonly state: string;

  constructor(t: Test, settings: { uid?: string; without?: string[]; flags?: string[] } = {}) {
    const dir = t.testdir({
      state: { installed: {}, calls: '', 'tap.mjs': TAP },
      checkout: {
        'package.json': '{}',
        'package-lock.json': '{}',
        '.taprc': '',
        suites: { binding: { 'build.mjs': BINDING } },
      },
      bin: {},
    });
    [this.root, this.bin, this.state] = [join(dir, 'checkout'), join(dir, 'bin'), join(dir, 'state')];
    cpSync(SETUP, join(this.root, 'setup'), { recursive: true });
    this.set('uid', settings.uid ?? '0');
    for (const flag of settings.flags ?? []) this.set(flag);
    for (const tool of ['cat', 'env', 'flock', 'mkdir', 'true'])
      symlinkSync(`/usr/bin/${tool}`, join(this.bin, tool));
    for (const [name, script] of Object.entries(FAKES)) {
      if (!settings.without?.includes(name))
        this.command(name, `printf '%s\\n' "${name} $*" >> "$STATE/calls"\n${script}`);
    }
  }

  command(name: string, script: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  set(name: string, content = ''): void {
    writeFileSync(join(this.state, name), content);
  }

  /** Calls of the fakes since the last call of this method. */
  calls(): string[] {
    const lines = readFileSync(join(this.state, 'calls'), 'utf8').trim().split('\n');
    this.set('calls');
    return lines;
  }

  start(args: string[] = [], nodeArgs: string[] = []): ChildProcess {
    const env = { PATH: this.bin, STATE: this.state };
    return spawn(process.execPath, [...nodeArgs, join(this.root, 'setup/main.mjs'), ...args], { env });
  }

  async setUp(
    args: string[] = [],
    nodeArgs: string[] = [],
  ): Promise<{ code: number | null; stderr: string }> {
    return await outputOf(this.start(args, nodeArgs));
  }

  /** A process that holds the lock of the set-up until its standard input ends. */
  async holdLock(): Promise<ChildProcessByStdio<Writable, Readable, null>> {
    mkdirSync(join(this.root, 'build'));
    const command = [join(this.root, 'build/setup.lock'), '-c', 'echo held; cat'];
    const holder = spawn('flock', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    return holder;
  }
}

async function outputOf(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  const code = new Promise<number | null>((resolve) => void child.once('close', resolve));
  const stderr = child.stderr ? await text(child.stderr) : '';
  return { code: await code, stderr };
}

/** The calls of one fake command. */
const callsOf = (calls: string[], command: string) => calls.filter((call) => call.startsWith(command));

t.test(
  'on a bare machine root gets packages, node modules, test runner, addon and SQLite, in this order',
  async (t) => {
    const machine = new Machine(t);
    const { code, stderr } = await machine.setUp();
    t.equal(code, 0, stderr);
    const calls = machine.calls().filter((call) => !/^(dpkg-query|id) /.test(call));
    t.match(calls, [
      /apt-get .*update/,
      /apt-get .*install -y --no-install-recommends .*qemu-system-x86/,
      /npm ci/,
      'tap build',
      'binding',
      /^npm rebuild better-sqlite3 --build-from-source/,
    ]);
    t.notMatch(calls.join(), /linux-source-6\.1 |sudo/);
    t.match(stderr, /setup: installing \d+ Debian packages/);
  },
);

t.test('the second run asks dpkg once and installs nothing', async (t) => {
  const machine = new Machine(t);
  await machine.setUp();
  machine.calls();
  const { code, stderr } = await machine.setUp();
  t.same({ code, stderr }, { code: 0, stderr: '' });
  const calls = machine.calls();
  t.equal(calls.length, 2);
  t.match(calls, [/^dpkg-query -W/, 'binding']);
});

t.test('--all installs the optional packages only, when all else is installed', async (t) => {
  const machine = new Machine(t);
  await machine.setUp();
  machine.calls();
  t.equal((await machine.setUp(['--all'])).code, 0);
  t.match(
    callsOf(machine.calls(), 'apt-get').at(-1),
    /--no-install-recommends linux-source-6\.1 liburing-dev postgresql python3-prometheus-client$/,
  );
});

t.test('--tests installs what only the tests need', async (t) => {
  const machine = new Machine(t);
  await machine.setUp();
  machine.calls();
  t.equal((await machine.setUp(['--tests'])).code, 0);
  t.match(callsOf(machine.calls(), 'apt-get').at(-1), /--no-install-recommends chromium$/);
});

t.test('a user whom sudo asks for no password installs through sudo', async (t) => {
  const machine = new Machine(t, { uid: '1000', flags: ['sudoer'] });
  t.equal((await machine.setUp()).code, 0);
  t.match(
    callsOf(machine.calls(), 'sudo').at(-1),
    /^sudo -n env DEBIAN_FRONTEND=noninteractive apt-get .*install/,
  );
});

for (const [what, settings] of [
  ['a user whom sudo asks for a password', { uid: '1000' }],
  ['a user without sudo', { uid: '1000', without: ['sudo'] }],
] as const) {
  t.test(`${what} gets exit code 2 and the one command to run as root`, async (t) => {
    const machine = new Machine(t, {
      uid: settings.uid,
      without: 'without' in settings ? [...settings.without] : [],
    });
    const { code, stderr } = await machine.setUp();
    t.equal(code, 2);
    t.match(
      stderr,
      /\n {2}apt-get update && apt-get install -y --no-install-recommends .*qemu-system-x86.*\n/,
    );
    t.match(stderr, /ccache +caches object files/);
    t.same(callsOf(machine.calls(), 'apt-get'), []);
  });
}

t.test('apt-get update may fail when apt-get install succeeds: exit code 0', async (t) => {
  const machine = new Machine(t, { flags: ['offline'] });
  const { code, stderr } = await machine.setUp();
  t.equal(code, 0);
  t.match(stderr, /apt-get update failed/);
});

t.test(
  'a failed apt-get install ends with exit code 2, its message and the command to run as root',
  async (t) => {
    const machine = new Machine(t, { flags: ['broken'] });
    const { code, stderr } = await machine.setUp();
    t.equal(code, 2);
    t.match(
      stderr,
      /Unable to locate package[\s\S]*could not install[\s\S]*run as root:\n {2}apt-get update/,
    );
    t.same(callsOf(machine.calls(), 'npm'), []);
  },
);

t.test(
  'packages that are missing after a successful apt-get install are reported with exit code 2',
  async (t) => {
    const machine = new Machine(t);
    machine.command('apt-get', 'exit 0');
    const { code, stderr } = await machine.setUp();
    t.equal(code, 2);
    t.match(stderr, /these packages are not installed:\n {2}qemu-system-x86/);
  },
);

t.test(
  'without apt the missing packages are listed with exit code 2; commands that exist are enough',
  async (t) => {
    const machine = new Machine(t, { without: ['dpkg-query', 'apt-get'] });
    const { code, stderr } = await machine.setUp();
    t.equal(code, 2);
    t.match(stderr, /not Debian[\s\S]*qemu-system-x86 +runs the guests/);
    const commands = [...readFileSync(join(SETUP, 'packages.mjs'), 'utf8').matchAll(/command: '([^']+)'/g)];
    for (const [, command = ''] of commands) machine.command(command, 'exit 0');
    t.equal((await machine.setUp()).code, 0);
  },
);

t.test(
  'a changed lock file or a removed folder repeats its step; a changed script in package.json repeats none',
  async (t) => {
    const machine = new Machine(t);
    await machine.setUp();
    machine.calls();
    writeFileSync(join(machine.root, 'package.json'), '{ "scripts": {} }');
    await machine.setUp();
    t.same(callsOf(machine.calls(), 'npm'), []);
    writeFileSync(join(machine.root, 'package-lock.json'), '{ "changed": true }');
    await machine.setUp();
    t.match(machine.calls(), [/^dpkg-query/, /^npm ci/, 'tap build', 'binding', /^npm rebuild/]);
    rmSync(join(machine.root, '.tap'), { recursive: true });
    await machine.setUp();
    t.match(machine.calls(), [/^dpkg-query/, 'tap build', 'binding']);
    rmSync(join(machine.root, 'node_modules'), { recursive: true });
    await machine.setUp();
    t.match(machine.calls(), [/^dpkg-query/, /^npm ci/, 'tap build', 'binding', /^npm rebuild/]);
  },
);

t.test('after a failed npm ci the next run tries it again', async (t) => {
  const machine = new Machine(t, { flags: ['broken-npm'] });
  const { code, stderr } = await machine.setUp();
  t.equal(code, 2);
  t.match(stderr, /npm error network[\s\S]*npm ci failed in/);
  machine.calls();
  await machine.setUp();
  t.equal(callsOf(machine.calls(), 'npm ci').length, 1);
});

t.test('an addon that does not compile ends with exit code 2 and the compiler’s message', async (t) => {
  const machine = new Machine(t);
  const failing = `export const buildBinding = async () => { throw Object.assign(new Error('cc failed'), { stderr: 'ring.c:1: no' }); }`;
  writeFileSync(join(machine.root, 'suites/binding/build.mjs'), failing);
  t.match(await machine.setUp(), { code: 2, stderr: /could not be compiled: cc failed\nring.c:1: no/ });
});

t.test('SQLite that does not compile ends with exit code 0, a fix, and is tried again', async (t) => {
  const machine = new Machine(t, { flags: ['broken-sqlite'] });
  const { code, stderr } = await machine.setUp();
  t.equal(code, 0, 'exit code');
  t.match(stderr, /SQLite could not be compiled[\s\S]*fix: install g\+\+, make and python3/, 'message');
  machine.calls();
  rmSync(join(machine.state, 'broken-sqlite'));
  await machine.setUp();
  t.match(callsOf(machine.calls(), 'npm'), [/^npm rebuild better-sqlite3/], 'calls of npm');
  await machine.setUp();
  t.same(callsOf(machine.calls(), 'npm'), [], 'calls of npm once it is compiled');
});

t.test('of three set-ups at once one installs, the others wait and install nothing', async (t) => {
  const machine = new Machine(t);
  const holder = await machine.holdLock();
  const children = [machine.start(), machine.start(), machine.start()];
  const outputs = children.map(outputOf);
  // All three are there before the first can go on.
  await Promise.all(children.map(({ stderr }) => stderr && once(stderr, 'data')));
  holder.stdin.end();
  const results = await Promise.all(outputs);
  t.same(
    results.map(({ code }) => code),
    [0, 0, 0],
  );
  for (const { stderr } of results) t.match(stderr, /^setup: waiting for another set-up/);
  t.equal(callsOf(machine.calls(), 'npm ci').length, 1);
});

t.test('a killed set-up leaves no lock: the next one does not wait', async (t) => {
  const machine = new Machine(t);
  const child = machine.start();
  await new Promise((resolve) => child.stderr?.once('data', resolve));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  t.match(await machine.setUp(), { code: 0, stderr: /^(?!.*waiting)/ });
});

t.test(
  'an old Node.js and an unknown argument end with exit code 2, before anything is installed',
  async (t) => {
    const machine = new Machine(t);
    const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.16.1' } });`;
    const { code, stderr } = await machine.setUp(
      [],
      ['--import', `data:text/javascript,${encodeURIComponent(old)}`],
    );
    t.equal(code, 2);
    t.match(stderr, /Node.js 20.16.1 is too old: ringlab needs 20.17/);
    t.match(await machine.setUp(['--al']), { code: 2, stderr: /unknown argument --al\nUsage/ });
    t.equal(machine.calls().join(), '');
  },
);
