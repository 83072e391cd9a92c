/** Commands that are ended early, and whose clean-up ends, fails or hangs. */

import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { run, start } from '../core/process.ts';
import { bundleScripts } from '../core/testing/bundle.ts';
import { bin, processesWith } from './testing/ringlab.ts';

const SCRIPTS = t.testdir({});
await bundleScripts(SCRIPTS, [join(import.meta.dirname, 'testing/ending.ts')]);

/** Runs the script, sends it the signals when it works, one after the other has been answered, and gives how it ended. */
async function ended(kind: string, ...signals: NodeJS.Signals[]) {
  const mark = `ringlab-ending-${process.pid}-${kind}`;
  const args = [join(SCRIPTS, 'ending.mjs'), kind];
  await using lab = start(process.execPath, args, { env: { MARK: mark, NO_COLOR: '1' } });
  let stderr = '';
  lab.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const drained = new Promise((resolve) => lab.stderr.once('close', resolve));
  const said: string[] = [];
  createInterface({ input: lab.stdout }).on('line', async (line) => {
    said.push(line);
    if (line.startsWith('/')) return;
    const next = signals.shift();
    if (!next) return;
    // Two at the same time are one Ctrl-C.
    if (said.length > 1) await delay(200);
    process.kill(lab.pid, next);
  });
  const { code, signal } = await lab.ended;
  await drained;
  return { code, signal, stderr, said, mark };
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(
    `a clean-up that waits for nothing ends within its limit after ${signal}, with code 130`,
    async (t) => {
      const { code, stderr } = await ended('waits', signal);
      t.equal(code, 130, stderr);
      t.match(stderr, `ringlab: interrupted by ${signal}\n`);
      t.match(stderr, /the clean-up did not end within 0\.5 s; not cleaned up:/);
    },
  );
}

t.test(
  'a clean-up that hangs is reported with its processes, which are killed, and its folders',
  async (t) => {
    const { code, stderr, said, mark } = await ended('hangs', 'SIGTERM');
    t.equal(code, 130, stderr);
    t.match(stderr, /not cleaned up:\n(?: {2}.*\n)* {2}process \d+, which is killed now: sh -c/);
    const [, folder = ''] = / {2}folder (\S*ringlab-\w{6})\n/.exec(stderr) ?? [];
    t.ok(existsSync(folder), `the folder that is named is left: ${folder}`);
    t.same(processesWith(mark), [], 'processes left');
    t.same(said, ['works'], 'nothing after the abort');
  },
);

t.test('an exception during the clean-up shortens its limit and is reported when it hangs', async (t) => {
  const { code, stderr } = await ended('throws', 'SIGTERM');
  t.equal(code, 130, stderr);
  t.match(stderr, /interrupted by SIGTERM\n[\s\S]*thrown while it cleans up[\s\S]*did not end within 0\.2 s/);
});

t.test('a clean-up that ends in time is no news', async (t) => {
  const { code, stderr } = await ended('cleans', 'SIGINT');
  t.equal(code, 130, stderr);
  t.equal(stderr, 'ringlab: interrupted by SIGINT\n');
});

t.test('an exception that no caller got ends a command that hangs, with code 3', async (t) => {
  const { code, stderr } = await ended('fails');
  t.equal(code, 3, stderr);
  t.match(stderr, /unexpected: Error: no caller got this[\s\S]*did not end within 0\.2 s/);
});

t.test(
  'what keeps the process alive after an aborted command has returned does so for its limit',
  async (t) => {
    const { code, stderr } = await ended('stays', 'SIGTERM');
    t.equal(code, 130, stderr);
    t.equal(stderr.split('interrupted by SIGTERM').length, 2, `reports of the signal: ${stderr}`);
    t.match(stderr, /did not end within 0\.5 s/);
  },
);

for (const [first, second] of [
  ['SIGINT', 'SIGINT'],
  ['SIGTERM', 'SIGTERM'],
  ['SIGHUP', 'SIGINT'],
] as const) {
  t.test(
    `${second} after ${first} ends the clean-up at once, and leaves no process and no folder`,
    async (t) => {
      const { code, mark, said, stderr } = await ended('twice', first, second);
      t.equal(code, 130);
      t.equal(stderr, '', 'no word of a clean-up that did not end');
      t.same(processesWith(mark), [], 'processes left');
      t.match(said[0], /ringlab-\w{6}$/);
      t.notOk(existsSync(said[0] ?? ''), 'folder left');
    },
  );
}

/** Runs the script, or the command, with a standard output (with `both` also standard error) that no one reads any more. */
async function unread(t: Test, command: readonly string[], both = false) {
  const pipe = join(t.testdir({}), 'pipe');
  await run('mkfifo', [pipe]);
  const reader = openSync(pipe, constants.O_RDWR);
  const writer = openSync(pipe, constants.O_WRONLY);
  closeSync(reader);
  try {
    const redirected = both ? ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command] : command;
    const [program = '', ...args] = redirected;
    return await run(program, args, { stdoutFd: writer, accept: 'any', env: { NO_COLOR: '1' } });
  } finally {
    closeSync(writer);
  }
}

const script = (kind: string) => [process.execPath, join(SCRIPTS, 'ending.mjs'), kind];

for (const [what, kind, code] of [
  ['has done its work ends with code 0', 'prints', 0],
  ['has found a failure ends with its code', 'judges', 1],
  ['still works is ended with the code of SIGPIPE', 'prints and works', 141],
] as const) {
  t.test(`a command whose output no one reads and that ${what}, without a word`, async (t) => {
    t.match(await unread(t, script(kind)), { code, stderr: '' });
    t.match(await unread(t, script(kind), true), { code, stderr: '' });
  });
}

for (const args of [['--help'], ['run', '--help'], ['series', 'list', '--json'], ['suite', 'list']]) {
  t.test(`ringlab ${args.join(' ')} ends quietly when no one reads its output`, async (t) => {
    const { code, stderr } = await unread(t, [process.execPath, bin, ...args]);
    t.same({ code, stderr }, { code: 0, stderr: '' });
  });
}
