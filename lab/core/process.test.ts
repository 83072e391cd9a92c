import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { run, start } from './process.ts';

/** A zombie whose reaper is slow is as dead as we can make it. */
const alive = (pid: number) => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

/** A signal is sent at once, but a busy machine takes its time to end who gets it. */
async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; alive(pid) && tries < 250; tries++) await wait(20);
  return !alive(pid);
}

t.test('run returns code and both streams', async (t) => {
  const result = await run('sh', ['-c', 'echo out; echo err >&2']);
  t.match(result, { code: 0, stdout: 'out\n', stderr: 'err\n' });
});

t.test('run rejects an exit code that is not accepted, with the tail of stderr', async (t) => {
  await t.rejects(run('sh', ['-c', 'echo why >&2; exit 3']), { message: /code 3\nwhy/, exitCode: 3 });
  t.equal((await run('sh', ['-c', 'exit 3'], { accept: [3] })).code, 3);
});

t.test('a signal is never an exit code', async (t) => {
  await t.rejects(run('sh', ['-c', 'kill -9 $$'], { accept: 'any' }), /ended by SIGKILL/);
});

t.test('a missing command is named', async (t) => {
  await t.rejects(run('no-such-command-here', []), /no-such-command-here/);
});

t.test('lines arrive as they come and input is written', async (t) => {
  const lines: string[] = [];
  await run('cat', [], { input: 'a\nb\n', onLine: (line) => lines.push(line) });
  t.same(lines, ['a', 'b']);
});

t.test('abort ends the whole group, also what ignores TERM', async (t) => {
  const abort = new AbortController();
  const script = 'trap "" TERM; sleep 1000 & echo $!; wait; wait';
  let inner = 0;
  const running = run('sh', ['-c', script], {
    signal: abort.signal,
    graceMs: 100,
    onLine: (line) => {
      inner = Number(line);
      abort.abort(new Error('enough'));
    },
  });
  await t.rejects(running, /enough/);
  t.ok(await isGone(inner), 'the grandchild is gone');
});

t.test('a grandchild that holds the pipe does not hold the call', async (t) => {
  const { stdout } = await run('sh', ['-c', 'sleep 1000 & echo $!']);
  t.ok(await isGone(Number(stdout)));
});

t.test('a child dies with a parent that is killed', async (t) => {
  const code = `import { start } from '${import.meta.dirname}/process.ts'; console.log(start('sleep', ['1000']).pid); setInterval(() => {}, 1000);`;
  await using parent = start(process.execPath, ['--import=tsx', '--input-type=module', '-e', code]);
  const pid = await new Promise<number>((resolve) => parent.stdout.once('data', (d) => resolve(Number(d))));
  t.ok(alive(pid));
  process.kill(parent.pid, 'SIGKILL');
  await parent.ended;
  t.ok(await isGone(pid));
});

t.test('files in place of pipes', async (t) => {
  const out = openSync(join(t.testdir({ in: 'from a file\n' }), 'out'), 'w');
  const given = openSync(join(t.testdirName, 'in'), 'r');
  await using child = start('cat', [], { stdinFd: given, stdoutFd: out });
  closeSync(given);
  closeSync(out);
  t.same(await child.ended, { code: 0, signal: null });
  t.equal(readFileSync(join(t.testdirName, 'out'), 'utf8'), 'from a file\n');
});
