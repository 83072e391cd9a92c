import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type OutputPipe, outputPipes } from './pipe.ts';

/** How a program ended. */
export type ProgramEnd =
  | { kind: 'exit'; code: number }
  | { kind: 'signal'; signal: string }
  | { kind: 'not started'; reason: string }
  /** Its deadline passed, or it printed more than `MAX_OUTPUT`; `state`: what the kernel says about it at that moment. */
  | { kind: 'timeout' | 'flood'; state: string };

/** What the runner learns of a program. */
export interface ProgramRun {
  end: ProgramEnd;
  durationMs: number;
  /** Processes of its group that SIGKILL does not end: the guest is of no use for other programs. */
  unkillable: boolean;
}

/** Bytes after which a program is ended. */
export const MAX_OUTPUT = 16 << 20;
/** How long processes may take to die by SIGKILL, and their pipes to close, ms. */
const DEATH_MS = 5000;
const CLOSE_MS = 1000;

/** A file of /proc without the blanks around it; empty where the process has gone. */
function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** What the kernel says about a process: state, and where it waits. */
export function stateOf(pid: number): string {
  const state = /^State:\s*(.*)$/m.exec(procFile(pid, 'status'))?.[1];
  if (!state) return '';
  const stack = procFile(pid, 'stack');
  const place = procFile(pid, 'wchan');
  return [`state ${state}${place && place !== '0' ? ` in ${place}` : ''}`, stack].filter(Boolean).join('\n');
}

/** Kills a process group; false when it has no process. */
function killGroup(pid: number): boolean {
  try {
    process.kill(-pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

/** Kills a group until it is gone. Resolves to false when it is not after `DEATH_MS`. */
async function endGroup(pid: number): Promise<boolean> {
  for (let waited = 0; killGroup(pid); waited += 20) {
    if (waited >= DEATH_MS) return false;
    await delay(20);
  }
  return true;
}

/** The program is the kernel's choice when memory runs out, not the runner. */
function offerToOomKiller(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // It has ended already.
  }
}

/** What a file that is there lacks to be executed: a script its interpreter, another program its loader. */
function missingFor(path: string): string {
  let head: string;
  try {
    head = readFileSync(path).subarray(0, 256).toString('latin1');
  } catch {
    return 'no such file';
  }
  const interpreter = /^#![ \t]*(\S+)/.exec(head)?.[1];
  return interpreter === undefined
    ? 'the guest lacks the loader that it is linked for'
    : `the guest has no ${interpreter}, the interpreter of the script`;
}

/** Resolves with the code or signal when the program exits; its pipes may still be open. */
function exitOf(child: ChildProcess, path: string): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) =>
      resolve(signal === null ? { kind: 'exit', code: code ?? -1 } : { kind: 'signal', signal }),
    );
    child.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      resolve({ kind: 'not started', reason: code === 'ENOENT' ? missingFor(path) : message }),
    );
  });
}

const closing = (stream: Socket) =>
  new Promise<void>((resolve) => void stream.once('close', () => resolve()));

/**
 * Runs a program in its own session, in the folder of its file, until it exits, its deadline passes or it prints more than `MAX_OUTPUT`;
 * then ends every process of its group. `onOutput` gets what it prints. Never rejects.
 */
export async function runChild(
  path: string,
  args: readonly string[],
  options: {
    env: Record<string, string>;
    timeoutMs: number;
    onOutput: (text: string, from: 'stdout' | 'stderr') => void;
  },
): Promise<ProgramRun> {
  const started = performance.now();
  let pipes: { stdout: OutputPipe; stderr: OutputPipe };
  try {
    pipes = outputPipes();
  } catch (error) {
    return { end: { kind: 'not started', reason: String(error) }, durationMs: 0, unkillable: false };
  }
  const { stdout, stderr } = pipes;
  const child = spawn(path, args, {
    ...{ cwd: dirname(path), env: options.env, detached: true },
    stdio: ['ignore', stdout.fd, stderr.fd],
  });
  stdout.close();
  stderr.close();
  const { pid } = child;
  const exited = exitOf(child, path);
  const closed = Promise.all([stdout, stderr].map(({ stream }) => closing(stream)));
  if (pid === undefined) {
    for (const { stream } of [stdout, stderr]) stream.destroy();
    return { end: await exited, durationMs: 0, unkillable: false };
  }
  offerToOomKiller(pid);
  let stop = (_kind: 'timeout' | 'flood') => {};
  const stopped = new Promise<ProgramEnd>((resolve) => {
    stop = (kind) => resolve({ kind, state: stateOf(pid) });
  });
  let bytes = 0;
  for (const [from, { stream }] of Object.entries({ stdout, stderr })) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      bytes += text.length;
      if (bytes <= MAX_OUTPUT) options.onOutput(text, from as 'stdout' | 'stderr');
      else stop('flood');
    });
  }
  const timer = setTimeout(() => stop('timeout'), options.timeoutMs);
  const end = await Promise.race([exited, stopped]);
  clearTimeout(timer);
  const durationMs = performance.now() - started;
  const isGone = await endGroup(pid);
  // A process that left the session may keep the pipes open.
  await Promise.race([closed, delay(isGone ? CLOSE_MS : 0)]);
  for (const { stream } of [stdout, stderr]) stream.destroy();
  return { end, durationMs, unkillable: !isGone };
}
