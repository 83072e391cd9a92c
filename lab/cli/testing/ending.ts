/**
 * A command for a test to end: `ending.ts KIND` writes `works` on standard output when it may be signalled, and cleans up as its kind
 * says. Its environment holds the mark of its processes.
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { start } from '../../core/process.ts';
import { scratchFolder } from '../../guest/index.ts';
import { runToEnd } from '../ending.ts';
import { Exit } from '../exit.ts';

const LONG_MS = 60_000;

const say = (line: string) => void process.stdout.write(`${line}\n`);
const never = () => new Promise<never>(() => {});
const later = (message: string) =>
  setImmediate(() => {
    throw new Error(message);
  });

/** Says that it works and waits for the abort. */
async function untilAborted(signal: AbortSignal): Promise<void> {
  const aborted = once(signal, 'abort');
  say('works');
  await Promise.race([aborted, setTimeout(LONG_MS, undefined, { ref: true, signal }).catch(() => {})]);
}

/** A child that TERM does not end, in whose output its shell has said that it runs. */
async function stubborn(): Promise<void> {
  const child = start('sh', ['-c', 'trap "" TERM; echo runs; while :; do sleep 1; done']);
  await once(child.stdout, 'data');
}

const KINDS: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
  waits: async (signal) => {
    await untilAborted(signal);
    await never();
  },
  hangs: async (signal) => {
    await scratchFolder('guest');
    await stubborn();
    await untilAborted(signal);
    await never();
  },
  throws: async (signal) => {
    await untilAborted(signal);
    later('thrown while it cleans up');
    await never();
  },
  cleans: async (signal) => {
    await using _scratch = await scratchFolder('guest');
    await using _child = start('sleep', ['1000'], { signal });
    await untilAborted(signal);
    signal.throwIfAborted();
  },
  fails: async () => {
    later('no caller got this');
    await never();
  },
  stays: async (signal) => {
    await untilAborted(signal);
    setInterval(() => {}, LONG_MS);
    signal.throwIfAborted();
  },
  prints: async () => say('all that there is to say'),
  judges: async () => {
    say('a test failed');
    throw new Exit(1);
  },
  'prints and works': async (signal) => {
    await using _child = start('sleep', ['1000'], { signal });
    say('works');
    await untilAborted(signal);
    signal.throwIfAborted();
  },
  twice: async (signal) => {
    const { dir } = await scratchFolder('guest');
    await writeFile(join(dir, 'drive'), 'x');
    say(dir);
    await stubborn();
    await untilAborted(signal);
    say('cleans up');
    await never();
  },
};

const [, , kind = ''] = process.argv;
const limits = {
  signalMs: ['throws', 'twice'].includes(kind) ? LONG_MS : 500,
  exceptionMs: 200,
};
await runToEnd(async (signal) => KINDS[kind]?.(signal), limits);
