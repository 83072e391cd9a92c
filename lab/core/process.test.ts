import { chmodSync, closeSync, openSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { run, start } from './process.ts';

/** A zombie counts as dead: only its parent is slow. */
const isAlive = (pid: number) => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

/** Waits until a process has ended that is about to: a busy machine takes its time. */
async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; isAlive(pid) && tries < 3000; tries++) await wait(20);
  return !isAlive(pid);
}

t.test('run returns the exit code and both streams', async (t) => {
  const result = await run('sh', ['-c', 'echo out; echo err >&2']);
  t.match(result, { code: 0, stdout: 'out\n', stderr: 'err\n' });
});

t.test('run throws LabError with the tail of stderr for an exit code that is not accepted', async (t) => {
  await t.rejects(run('sh', ['-c', 'echo why >&2; exit 3']), { message: /code 3\nwhy/, exitCode: 3 });
  t.equal((await run('sh', ['-c', 'exit 3'], { accept: [3] })).code, 3);
});

t.test('run throws for a command that a signal ended, whatever it accepts', async (t) => {
  await t.rejects(run('sh', ['-c', 'kill -9 $$'], { accept: 'any' }), /ended by SIGKILL/);
});

t.test('run names a command that does not exist', async (t) => {
  await t.rejects(run('no-such-command-here', []), /no-such-command-here/);
});

t.test('run writes the input and passes on lines', async (t) => {
  const lines: string[] = [];
  await run('cat', [], { input: 'a\nb\n', onLine: (line) => lines.push(line) });
  t.same(lines, ['a', 'b']);
});

t.test('an abort ends the whole process group, also a process that ignores TERM', async (t) => {
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
  t.ok(await isGone(inner), 'the grandchild has ended');
});

t.test('run returns though a grandchild holds the pipe, and ends the grandchild', async (t) => {
  const { stdout } = await run('sh', ['-c', 'sleep 1000 & echo $!']);
  t.ok(await isGone(Number(stdout)));
});

t.test('a child dies with its parent that is killed by SIGKILL', async (t) => {
  const code = `import { start } from '${import.meta.dirname}/process.ts'; console.log(start('sleep', ['1000']).pid); setInterval(() => {}, 1000);`;
  await using parent = start(process.execPath, ['--import=tsx', '--input-type=module', '-e', code]);
  const pid = await new Promise<number>((resolve) => parent.stdout.once('data', (d) => resolve(Number(d))));
  t.ok(isAlive(pid));
  process.kill(parent.pid, 'SIGKILL');
  await parent.ended;
  t.ok(await isGone(pid));
});

t.test('a parent that is killed before its child has a parent-death signal leaves no child', async (t) => {
  // setpriv waits for the end of the parent.
  const setpriv = '#!/bin/sh\nread -r _ <"$GATE"\nexec /usr/bin/setpriv "$@"\n';
  const dir = t.testdir({ setpriv });
  chmodSync(join(dir, 'setpriv'), 0o755);
  const gate = join(dir, 'gate');
  await run('mkfifo', [gate]);
  const code = `
    import { start } from '${import.meta.dirname}/process.ts';
    process.env.PATH = '${dir}:' + process.env.PATH;
    console.log(start('sleep', ['1000']).pid);
    setInterval(() => {}, 1000);`;
  const env = { GATE: gate };
  await using parent = start(process.execPath, ['--import=tsx', '--input-type=module', '-e', code], { env });
  const pid = await new Promise<number>((resolve) => parent.stdout.once('data', (d) => resolve(Number(d))));
  process.kill(parent.pid, 'SIGKILL');
  await parent.ended;
  t.ok(isAlive(pid), 'the child waits to be started');
  await writeFile(gate, 'go\n');
  t.ok(await isGone(pid), 'the child has ended');
});

t.test('start takes open files instead of pipes', async (t) => {
  const out = openSync(join(t.testdir({ in: 'from a file\n' }), 'out'), 'w');
  const input = openSync(join(t.testdirName, 'in'), 'r');
  await using child = start('cat', [], { stdinFd: input, stdoutFd: out });
  closeSync(input);
  closeSync(out);
  t.same(await child.ended, { code: 0, signal: null });
  t.equal(readFileSync(join(t.testdirName, 'out'), 'utf8'), 'from a file\n');
});

t.test('a line without end is cut, and its bytes are not kept', async (t) => {
  const lines: string[] = [];
  const script = 'echo before; head -c 300000000 /dev/zero | tr "\\0" x; echo; echo after';
  const before = process.memoryUsage.rss();
  const result = await run('sh', ['-c', script], { onLine: (line) => lines.push(line), maxBuffer: 1 << 16 });
  t.match(lines, ['before', /^x+ \[\d+ more bytes of this line were cut\]$/, 'after']);
  t.ok((lines[1]?.length ?? 0) < 100_000, 'length of the line that was cut');
  t.ok(result.stdout.length < 1 << 18, 'length of the output that is kept');
  t.ok(process.memoryUsage.rss() - before < 200 << 20, 'memory that the lab needs more');
});

t.test('a command that prints more than maxOutput is ended with OutputLimitError', async (t) => {
  let bytes = 0;
  const onLine = (line: string) => {
    bytes += line.length;
  };
  const running = run('sh', ['-c', 'yes hostile >&2 & yes hostile'], {
    onLine,
    maxOutput: 1 << 20,
    maxBuffer: 1 << 16,
  });
  await t.rejects(running, {
    name: 'OutputLimitError',
    message: /printed more than 1048576 bytes/,
    exitCode: 3,
  });
  t.ok(bytes <= 1 << 20, 'bytes that were passed on as lines');
});

t.test('the message of a failure has no more than the end of a long standard error', async (t) => {
  const running = run('sh', ['-c', 'head -c 30000000 /dev/zero | tr "\\0" e >&2; exit 3']);
  const error = await running.catch((thrown: Error) => thrown);
  t.ok('message' in error && error.message.length < 10_000, 'length of the message');
});
