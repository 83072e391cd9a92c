/**
 * A command with a live view for a test to end: `view.ts KIND` prints its process id, shows two cells of which one has ended, waits for
 * SIGUSR2 or an abort, and ends as its kind says.
 */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { runToEnd } from '../ending.ts';
import { contextFor } from '../render.ts';
import { stdout } from '../terminal.ts';
import { cellEnd, cellStart, inTests, planned, runStart, testEnd } from './events.ts';

const [A, B] = ['k/plain/first', 'k/plain/second'];
const LONG_MS = 60_000;

const KINDS: Record<string, (signal: AbortSignal) => unknown> = {
  returns: () => {},
  exits: () => process.exit(7),
  throws: (signal) => {
    setImmediate(() => {
      throw new Error('no caller got this');
    });
    return once(signal, 'abort');
  },
};

const [, , kind = ''] = process.argv;
const told = new AbortController();
process.on('SIGUSR2', () => told.abort());
// As another program would: the view does not know of it.
process.on('SIGCONT', () => process.stdout.write('continues\n'));
await runToEnd(async (signal) => {
  const { emit, renderer } = contextFor(signal, {});
  stdout.write(`process ${process.pid}\n`);
  const events = [runStart(2), planned(A, B), cellStart(A), cellEnd(A, 1000, { x: 'pass' })];
  for (const event of [...events, ...inTests(B, ['one', 'two']), testEnd(B, 'one', 'pass')]) emit(event);
  await setTimeout(LONG_MS, undefined, { signal: AbortSignal.any([signal, told.signal]) }).catch(() => {});
  if (!signal.aborted) await KINDS[kind]?.(signal);
  signal.throwIfAborted();
  renderer.finish();
  stdout.write('result\n');
});
