import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { start } from '../../core/process.ts';
import { bundleScripts } from '../../core/testing/bundle.ts';
import { FakeScreen } from '../testing/screen.ts';

/** The live view of a real process on a real pseudo-terminal (script(1) of Debian's bsdutils), and what it leaves there. */

const SCRIPTS = t.testdir({});
await bundleScripts(SCRIPTS, [join(import.meta.dirname, '../testing/view.ts')]);
const PROGRAM = join(SCRIPTS, 'view.mjs');

const VIEW = /^1\/2 cells {2}2 passed +0:\d\d$/m;
const CELL = 'cell k/plain/first: pass, 1 passed (1.0 s)';
/** Nothing else of the environment of a test run. */
const ENV = { PATH: process.env.PATH ?? '', TERM: 'xterm-256color' };

/** Starts the program on a terminal of 60 columns; `pid` is that of the program, not of script(1). */
async function onTerminal(kind: string, env: Record<string, string> = {}, job = 'exec COMMAND') {
  const command = job.replace('COMMAND', `${process.execPath} ${PROGRAM} ${kind}`);
  const terminal = start('script', ['-qec', `stty cols 60 rows 20; ${command}`, '/dev/null'], {
    cleanEnv: true,
    env: { ...ENV, ...env },
  });
  const screen = new FakeScreen(60, 20);
  let raw = '';
  terminal.stdout.on('data', (chunk: Buffer) => {
    raw += chunk;
    screen.write(String(chunk));
  });
  const drained = new Promise((resolve) => terminal.stdout.once('close', resolve));
  const [, pid] = /^process (\d+)$/m.exec(await screen.until(/^process \d+$/m)) ?? [];
  return {
    ...{ terminal, screen, pid: Number(pid) },
    /** Signals the program once the screen matches, and gives what is left when it has ended. */
    signal: async (name: NodeJS.Signals, pattern = VIEW) => {
      await screen.until(pattern);
      process.kill(Number(pid), name);
      const { code } = await terminal.ended;
      await drained;
      return { code, raw, lines: screen.text.split('\n').slice(1), isClean: screen.isClean };
    },
  };
}

t.test('the view appears below the lines that stay, and is gone before the result', async (t) => {
  const { screen, signal } = await onTerminal('returns');
  const shown = await screen.until(VIEW);
  t.match(shown.split('\n').slice(1), [CELL, /^k\/plain\/second +0:\d\d$/, '  1/2: 1 passed  two', VIEW]);
  const { code, raw, lines, isClean } = await signal('SIGUSR2');
  t.equal(code, 0);
  t.same(lines, [CELL, 'result']);
  t.ok(isClean, 'modes and cursor');
  t.match(raw, '\u001b[32mpass\u001b[39m', 'colours');
  t.notMatch(raw, '\u001b[?25l', 'the cursor is never hidden');
});

t.test('after Ctrl-C, an exception and process.exit the terminal is clean', async (t) => {
  const interrupted = await (await onTerminal('returns')).signal('SIGINT');
  t.same([interrupted.code, interrupted.isClean], [130, true]);
  t.same(interrupted.lines, [CELL, 'ringlab: interrupted by SIGINT']);

  const failed = await (await onTerminal('throws')).signal('SIGUSR2');
  t.same([failed.code, failed.isClean], [3, true]);
  t.match(failed.lines, [CELL, /^ringlab: unexpected: Error: no caller got this/]);
  t.notMatch(failed.lines.join('\n'), VIEW);

  const left = await (await onTerminal('exits')).signal('SIGUSR2');
  t.same([left.code, left.isClean, left.lines], [7, true, [CELL]]);
});

t.test('a view that is killed leaves a terminal in which a shell can go on', async (t) => {
  const { lines, isClean } = await (await onTerminal('returns')).signal('SIGKILL');
  t.match(lines.at(-1), VIEW);
  t.ok(isClean, 'modes and cursor');
});

t.test('Ctrl-Z takes the view away, and it comes back when the process continues', async (t) => {
  // script(1) would stop when its child stops.
  const { screen, pid, signal } = await onTerminal('returns', {}, 'COMMAND; exit $?');
  await screen.until(VIEW);
  process.kill(pid, 'SIGTSTP');
  // No event says that another process has stopped.
  while (!/\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await setTimeout(10);
  process.kill(pid, 'SIGCONT');
  const shown = await screen.until(/continues\n[\s\S]*1\/2 cells/);
  t.match(shown.split('\n').slice(1), [CELL, 'continues', /^k\/plain\/second /]);
  const { code, lines } = await signal('SIGUSR2');
  t.equal(code, 0);
  t.same(lines, [CELL, 'continues', 'result']);
});

t.test('NO_COLOR takes the colours, TERM=dumb and CI every escape sequence', async (t) => {
  const uncoloured = await (await onTerminal('returns', { NO_COLOR: '1' })).signal('SIGUSR2');
  t.match(uncoloured.raw, '1/2 cells');
  t.notMatch(uncoloured.raw, /\u001b\[\d*m/);
  const plain: Record<string, string>[] = [{ TERM: 'dumb' }, { CI: 'true' }];
  for (const env of plain) {
    const { raw, lines } = await (await onTerminal('returns', env)).signal('SIGUSR2', /^cell /m);
    t.notMatch(raw, '\u001b', JSON.stringify(env));
    t.same(lines, [CELL, 'result']);
  }
});

t.test('a background job prints its lines but draws nothing', async (t) => {
  const { screen, pid, signal } = await onTerminal('returns', {}, 'set -m; COMMAND & wait');
  await screen.until(/^cell /m);
  // A process that is stopped and continues draws at once where it may.
  process.kill(pid, 'SIGCONT');
  const { raw, lines } = await signal('SIGUSR2', /^continues$/m);
  t.same(lines, [CELL, 'continues', 'result']);
  t.notMatch(raw, '1/2 cells');
});
