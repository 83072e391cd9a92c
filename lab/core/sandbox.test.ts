import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { OutputLimitError, run, start } from './process.ts';
import { removeTree } from './remove.ts';
import { sandboxCommand } from './sandbox/command.ts';
import {
  MEMORY_LIMIT_CODE,
  overlayWorks,
  PROCESS_LIMIT_CODE,
  protections,
  SANDBOX_FAILED_CODE,
  type SandboxAccess,
  sandboxed,
  TIME_LIMIT_CODE,
  trySandbox,
} from './sandbox.ts';
import { ACTS } from './testing/acts.ts';
import { type Outcome, perform } from './testing/perform.ts';

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;

const isRoot = process.getuid?.() === 0;
/** An id that no account has. */
const UID = 61_234;

async function folder(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sandbox test, '));
  t.teardown(() => removeTree(dir));
  return dir;
}

/** Runs `program` with arguments in a process of an ordinary user, whose home is `dir`; its cache, which takes no blanks, is elsewhere. */
async function asUser(dir: string, program: string, ...args: string[]) {
  const cache = await mkdtemp(join(tmpdir(), 'sandbox-cache-'));
  for (const each of [dir, cache]) await chown(each, UID, UID);
  await chmod(dir, 0o755);
  const user = ['--reuid', `${UID}`, '--regid', `${UID}`, '--clear-groups', '--'];
  const env = { PATH: process.env.PATH ?? '', HOME: dir, RINGLAB_CACHE: cache };
  const node = [process.execPath, '--import=tsx', program, ...args];
  try {
    return await run('setpriv', [...user, ...node], { env, cleanEnv: true, accept: 'any' });
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

async function canRunNode(): Promise<string | false> {
  if (!isRoot) return 'these tests run as an ordinary user already';
  const dir = await mkdtemp(join(tmpdir(), 'sandbox-user-'));
  const { code, stderr } = await asUser(dir, join(import.meta.dirname, 'testing/acts.ts'));
  await rm(dir, { recursive: true });
  return code === 0 ? false : `an ordinary user cannot run the project here: ${stderr.trim().slice(0, 200)}`;
}

/** Runs a script in the sandbox with a writable working folder. */
async function inside(dir: string, script: string, access: Partial<SandboxAccess> = {}, maxOutput = 1 << 20) {
  const full = { writable: [dir], readable: [], cwd: dir, ...access };
  const [file = '', ...args] = await sandboxed(['bash', '--norc', '-c', script], full);
  return run(file, args, { accept: 'any', maxOutput });
}

t.test('no hostile act succeeds in the sandbox', { skip }, async (t) => {
  const { succeeded, changed } = await perform(await folder(t));
  t.same(succeeded, [], 'acts that succeeded');
  t.same(changed, [], 'files of the host that were changed');
});

t.test(
  'no hostile act succeeds in the sandbox of an ordinary user',
  { skip: skip || (await canRunNode()) },
  async (t) => {
    const dir = await folder(t);
    const { code, stdout, stderr } = await asUser(dir, join(import.meta.dirname, 'testing/perform.ts'), dir);
    t.equal(code, 0, `exit code of the acts: ${stderr}`);
    const { succeeded, changed, uid } = JSON.parse(stdout) as Outcome;
    t.equal(uid, UID, 'user id of the acts');
    t.same(succeeded, [], 'acts that succeeded');
    t.same(changed, [], 'files of the host that were changed');
  },
);

t.test('the acts that harm nothing succeed without a sandbox', async (t) => {
  const { succeeded } = await perform(await folder(t), { unsafeNoSandbox: true });
  t.same(
    succeeded,
    ACTS.flatMap(({ name, control }) => (control ? [name] : [])),
    'acts that succeeded',
  );
});

/** Numbers of add_key, request_key and keyctl. */
const KEYS =
  process.arch === 'x64'
    ? { add: 248, request: 249, control: 250 }
    : { add: 217, request: 218, control: 219 };

/** Perl that prints what a key of the session holds, and puts another one beside it. */
const USE_KEYS = `my ($type, $name, $mine, $value, $text) = ("user", "wanted", "planted", "planted", "\\0" x 64);
my $key = syscall(${KEYS.request}, $type, $name, 0, 0);
print "read $text" if syscall(${KEYS.control}, 11, $key, $text, 64, 0) > 0;
print "planted" if syscall(${KEYS.add}, $type, $mine, $value, 7, -3) > 0;`;

/** Perl that runs its arguments in a session with a key, then prints whether a second one was put beside it. */
const WITH_KEY = `my ($type, $name, $mine, $value) = ("user", "wanted", "planted", "of the user");
syscall(${KEYS.control}, 1, 0) > 0 && syscall(${KEYS.add}, $type, $name, $value, 11, -3) > 0 or exit 9;
system @ARGV;
print " left" if syscall(${KEYS.request}, $type, $mine, 0, 0) > 0;`;

t.test('a sandboxed command neither reads a key of the user nor leaves one', { skip }, async (t) => {
  const dir = await folder(t);
  const perl = (policy: object) =>
    sandboxed(['perl', '-e', USE_KEYS], { writable: [dir], readable: [], cwd: dir }, policy).then((command) =>
      run('perl', ['-e', WITH_KEY, '--', ...command], { accept: [0, 9] }),
    );
  const { code, stdout } = await perl({ unsafeNoSandbox: true });
  if (code === 9) return void t.comment('no keys on this machine');
  t.match(stdout, /read of the user.*planted left/, 'without a sandbox');
  t.equal((await perl({})).stdout, '', 'what the command did with keys');
});

t.test('a sandboxed command has the environment that it is given, and no other', { skip }, async (t) => {
  const dir = await folder(t);
  const { stdout } = await inside(dir, 'env; pwd', { env: { PATH: '/usr/bin', NAME: 'a b=c' } });
  const names = stdout.split('\n').filter((line) => line !== '' && !/^(_|SHLVL)=/.test(line));
  t.same(names.sort(), [dir, 'NAME=a b=c', 'PATH=/usr/bin', `PWD=${dir}`].sort(), 'environment');
});

t.test(
  'a folder inside a writable folder stays read-only, and inside a readable folder writable',
  { skip },
  async (t) => {
    const dir = await folder(t);
    for (const name of ['open/closed', 'shut/opened']) await mkdir(join(dir, name), { recursive: true });
    const access = {
      writable: [join(dir, 'open'), join(dir, 'shut/opened')],
      readable: [join(dir, 'open/closed'), join(dir, 'shut')],
      cwd: '/',
    };
    await inside(dir, `cd "${dir}"; touch open/a open/closed/b shut/c shut/opened/d`, access);
    const made = ['open/a', 'open/closed/b', 'shut/c', 'shut/opened/d'].filter((name) =>
      existsSync(join(dir, name)),
    );
    t.same(made, ['open/a', 'shut/opened/d'], 'files that were made');
  },
);

t.test('the compiler works in the sandbox, with a private /tmp', { skip }, async (t) => {
  const dir = await folder(t);
  const script = 'echo "int main(void){return 0;}" >/tmp/a.c && gcc -o a /tmp/a.c && ./a && echo built';
  t.equal((await inside(dir, script)).stdout, 'built\n');
  t.notOk(existsSync('/tmp/a.c'), 'the file of the private /tmp on the host');
});

t.test(
  'a command that takes too long ends with TIME_LIMIT_CODE, and its processes with it',
  { skip },
  async (t) => {
    const dir = await folder(t);
    const script = 'trap "" TERM; (setsid sh -c "sleep 3; touch late") & echo $$; sleep 1000';
    const { code } = await inside(dir, script, { limits: { seconds: 0.5 } });
    t.equal(code, TIME_LIMIT_CODE, 'exit code');
    t.same(readdirSync(dir), [], 'files of a process that outlives the command');
  },
);

t.test('a command that ends with a code of the sandbox is not taken for the sandbox', { skip }, async (t) => {
  const dir = await folder(t);
  for (const code of [MEMORY_LIMIT_CODE, PROCESS_LIMIT_CODE, TIME_LIMIT_CODE, SANDBOX_FAILED_CODE])
    t.equal((await inside(dir, `echo "bwrap: no" >&2; exit ${code}`)).code, 1, `exit code for ${code}`);
  for (const code of [0, 2, 77, 126, 127, 137])
    t.equal((await inside(dir, `exit ${code}`)).code, code, 'exit code');
});

t.test('a command that does not start ends with SANDBOX_FAILED_CODE', { skip }, async (t) => {
  const dir = await folder(t);
  const gone = { writable: [join(dir, 'gone')] };
  const { code, stderr } = await inside(dir, 'true', gone);
  t.equal(code, SANDBOX_FAILED_CODE, 'exit code');
  t.match(stderr, /bwrap: Can't find source path .*gone/);
  const missing = join(dir, 'missing');
  const overlays = [{ at: dir, lower: missing, upper: missing, work: missing }];
  t.equal((await inside(dir, 'true', { overlays })).code, SANDBOX_FAILED_CODE, 'without the overlay');
});

t.test(
  'a working folder that its owner made inaccessible is no failure of the sandbox',
  { skip },
  async (t) => {
    const dir = await folder(t);
    await inside(dir, 'chmod 000 .');
    const { code, stderr } = await inside(dir, 'true');
    await chmod(dir, 0o700);
    t.equal(code, 1, 'exit code');
    t.match(stderr, /cannot change directory/);
  },
);

t.test('a command that needs too much memory ends with MEMORY_LIMIT_CODE', { skip }, async (t) => {
  const dir = await folder(t);
  if (!(await protections()).some((name) => name.startsWith('memory limit (')))
    return void t.comment('nothing counts the memory of all processes here');
  const limits = { memoryBytes: 64 << 20 };
  const hog = `perl -e '$x = "x" x (200 << 20); print "allocated"'`;
  t.equal((await inside(dir, `${hog}; true`, { limits })).code, MEMORY_LIMIT_CODE, 'one process');
  t.equal((await inside(dir, `exec ${hog}`, { limits })).code, MEMORY_LIMIT_CODE, 'the command itself');
  t.equal((await inside(dir, 'true', { limits })).code, 0, 'a command that comes later');
  const flood = 'for dir in /tmp /dev/shm; do head -c 300M /dev/zero >$dir/a; done; echo survived';
  const { code, stdout, stderr } = await inside(dir, flood, { limits: { ...limits, tmpBytes: 300 << 20 } });
  t.equal(stdout, 'survived\n', `a command that fills /tmp and /dev/shm ended with ${code}: ${stderr}`);
});

const noWatch = isRoot ? false : 'the kernel limits the processes of ordinary users';
t.test(
  'where no cgroup counts them, the processes of root are counted',
  { skip: skip || noWatch },
  async (t) => {
    const dir = await folder(t);
    const code = async (script: string) => {
      const access = { writable: [dir], readable: [], cwd: dir, limits: { processes: 200 } };
      const command = await sandboxCommand(['sh', '-c', script], access, undefined, null);
      const [file = '', ...args] = command;
      return (await run(file, args, { accept: 'any' })).code;
    };
    const swarm = (count: number) => `perl -e 'for (1..${count}) { fork or do { sleep 600; exit } }'`;
    t.equal(await code(`${swarm(100)}; sleep 0.5; exit 7`), 7, 'fewer than the limit');
    t.equal(await code(`${swarm(300)}; sleep 600`), PROCESS_LIMIT_CODE, 'more than the limit');
    t.equal(await code('true'), 0, 'a command that comes later');
  },
);

t.test('sandboxes at the same time keep their limits', { skip }, async (t) => {
  const dir = await folder(t);
  const hog = `read -r; perl -e '$x = "x" x (100 << 20); print "allocated"'`;
  const access = { writable: [dir], readable: [], cwd: dir, limits: { memoryBytes: 512 << 20 } };
  const [file = '', ...args] = await sandboxed(['bash', '-c', `echo started; ${hog}`], access);
  await using large = start(file, args);
  let text = '';
  large.stdout.on('data', (chunk) => (text += chunk));
  await once(large.stdout, 'data');
  await inside(dir, 'true', { limits: { memoryBytes: 32 << 20 } });
  large.stdin.end('go\n');
  t.equal((await large.ended).code, 0, 'exit code of the one with more memory');
  t.equal(text, 'started\nallocated');
});

t.test('a process that the command leaves behind ends with it', { skip }, async (t) => {
  const dir = await folder(t);
  const { code } = await inside(dir, 'setsid sh -c "sleep 1000" >/dev/null 2>&1 & mkfifo p; echo ended');
  t.equal(code, 0, 'exit code');
});

t.test('files, /tmp, memory and processes are limited', { skip }, async (t) => {
  const dir = await folder(t);
  const limits = { fileBytes: 1 << 20, tmpBytes: 1 << 20, memoryBytes: 256 << 20, processes: 40 };
  await inside(dir, 'head -c 5000000 /dev/zero >big', { limits });
  t.equal(statSync(join(dir, 'big')).size, 1 << 20, 'bytes of the file');
  const tmp = await inside(dir, 'head -c 900000 /dev/zero >/tmp/a; head -c 900000 /dev/zero >/tmp/b', {
    limits,
  });
  t.match(tmp.stderr, /No space left on device/, 'message of a full /tmp');
  const shm = await inside(
    dir,
    'head -c 900000 /dev/zero >/dev/shm/a; head -c 900000 /dev/zero >/dev/shm/b',
    { limits },
  );
  t.match(shm.stderr, /No space left on device/, 'message of a full /dev/shm');
  const hog = await inside(dir, 'perl -e \'$x = "x" x (400 << 20); print length $x\'', { limits });
  t.not(hog.stdout, `${400 << 20}`, 'bytes that a process allocated');
});

t.test('a fork bomb ends at the limit of processes', { skip }, async (t) => {
  if ((await protections()).includes('process limit (watch)'))
    return void t.comment('processes are counted, not kept from starting others');
  const script = 'for i in $(seq 200); do sleep 1000 & done 2>/dev/null; jobs -p | wc -l';
  const { stdout } = await inside(await folder(t), script, { limits: { processes: 40, seconds: 20 } });
  t.ok(Number(stdout) < 41, `processes that were started: ${stdout}`);
});

t.test('endless output ends the command', { skip }, async (t) => {
  await t.rejects(inside(await folder(t), 'yes', {}, 1 << 16), OutputLimitError);
});

t.test(
  'an overlay shows the lower folder, which stays as it is, under what is written',
  { skip },
  async (t) => {
    const top = await folder(t);
    if (!(await overlayWorks(top)))
      return void t.comment('no overlay on the file system of the temporary folder');
    const name = 'a,b:c\\d e';
    const [at, lower, upper, work] = ['at', 'lower', 'upper', 'work'].map((part) =>
      join(top, part, name),
    ) as [string, string, string, string];
    for (const dir of [at, lower, upper, work]) await mkdir(dir, { recursive: true });
    for (const file of ['kept', 'changed', 'removed']) await writeFile(join(lower, file), `${file}\n`);
    const script =
      'echo more >>changed; rm removed; echo new >made; cat kept changed; ls; ls "$1" 2>/dev/null';
    const access = { writable: [], cwd: at, overlays: [{ at, lower, upper, work }] };
    const { stdout, stderr } = await inside(at, script, access);
    t.equal(stdout, 'kept\nchanged\nmore\nchanged\nkept\nmade\n', stderr);
    t.same(readdirSync(lower).sort(), ['changed', 'kept', 'removed'], 'files of the lower folder');
    t.equal(readFileSync(join(lower, 'changed'), 'utf8'), 'changed\n');
    t.equal(readFileSync(join(upper, 'changed'), 'utf8'), 'changed\nmore\n');
    t.same(readdirSync(at), [], 'files that the host sees at the place of the overlay');
    const inPlace = { ...access, cwd: lower, overlays: [{ at: lower, lower, upper, work }] };
    t.equal(
      (await inside(lower, 'cat made removed', inPlace)).stdout,
      'new\n',
      'an overlay at its lower folder',
    );
  },
);

t.test('the protections name each limit, and there are none without a sandbox', { skip }, async (t) => {
  const names = await protections();
  for (const name of ['no capabilities', 'seccomp filter', 'time limit', 'escape self-test passed'])
    t.ok(names.includes(name), name);
  t.ok(
    names.some((name) => name.startsWith('memory limit')),
    'memory limit',
  );
  t.same(await protections({ unsafeNoSandbox: true }), []);
});

t.test('without a sandbox, a command is its own with the environment of the access', async (t) => {
  const access = { writable: [], readable: [], cwd: '/', env: { PATH: '/usr/bin', A: 'b c' } };
  const [file = '', ...args] = await sandboxed(['sh', '-c', 'echo $A; env | wc -l'], access, {
    unsafeNoSandbox: true,
  });
  t.equal((await run(file, args)).stdout, 'b c\n3\n');
  t.same(await sandboxed(['true'], { writable: [], readable: [], cwd: '/' }, { unsafeNoSandbox: true }), [
    'true',
  ]);
});
