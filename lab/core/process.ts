import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { execa, type Options, type ResultPromise } from 'execa';
import { LabError } from './errors.ts';

export interface RunOptions {
  cwd?: string;
  /** Replaces the environment wholly when `cleanEnv`, else is laid over it. */
  env?: Record<string, string>;
  cleanEnv?: boolean;
  input?: string | Uint8Array;
  signal?: AbortSignal;
  /** Called with each line of output as it comes. */
  onLine?: (line: string, from: 'stdout' | 'stderr') => void;
  /** Exit codes that are not an error; default `[0]`. `'any'` takes every exit, but never a signal. */
  accept?: readonly number[] | 'any';
  /** How long a child may take between TERM and KILL; default 3000 ms. */
  graceMs?: number;
  /** Output kept in memory per stream, bytes; default 64 MiB. */
  maxBuffer?: number;
  /** Signal that the kernel sends the child if we die, SIGKILL included; default KILL. */
  parentDeath?: 'KILL' | 'TERM';
  /** Open files in place of the pipes to standard input and output; they stay the caller's to close. */
  stdinFd?: number;
  stdoutFd?: number;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** A running child in a process group of its own. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
  readonly stderr: NodeJS.ReadableStream;
  /** Resolves when the child has ended; never rejects. `code` is null when a signal ended it. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  /** TERM to the group, KILL after the grace time; resolves when the child is gone. */
  stop(): Promise<void>;
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * The command line with a parent-death signal set by setpriv (util-linux): a lab killed with
 * SIGKILL cannot clean up, so the kernel has to do it.
 */
function withParentDeath(command: string, args: readonly string[], signal: string): [string, string[]] {
  return ['setpriv', [`--pdeathsig=${signal}`, '--', command, ...args]];
}

function spawnGroup(command: string, args: readonly string[], options: RunOptions): ResultPromise {
  const [file, argv] = withParentDeath(command, args, options.parentDeath ?? 'KILL');
  const { cwd, env, input } = options;
  const settings: Options = {
    extendEnv: !options.cleanEnv,
    detached: true,
    reject: false,
    stripFinalNewline: false,
    cleanup: false,
    buffer: false,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(input === undefined ? {} : { input }),
    ...(options.stdinFd === undefined ? {} : { stdin: options.stdinFd as 0 }),
    ...(options.stdoutFd === undefined ? {} : { stdout: options.stdoutFd as 1 }),
  };
  return execa(file, argv, settings) as ResultPromise;
}

async function stopGroup(pid: number, ended: Promise<unknown>, graceMs: number): Promise<void> {
  killGroup(pid, 'SIGTERM');
  const timer = setTimeout(() => killGroup(pid, 'SIGKILL'), graceMs);
  await ended;
  clearTimeout(timer);
  // Members of the group that outlived their leader.
  killGroup(pid, 'SIGKILL');
}

/** Starts a long-lived child. Output is the caller's to read. */
export function start(command: string, args: readonly string[], options: RunOptions = {}): Child {
  options.signal?.throwIfAborted();
  const child = spawnGroup(command, args, options);
  const { pid } = child;
  if (pid === undefined) throw new LabError(`cannot start ${command}`);
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  child.catch(() => {});
  const stop = () => stopGroup(pid, ended, options.graceMs ?? 3000);
  const onAbort = () => void stop();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  void ended.then(() => options.signal?.removeEventListener('abort', onAbort));
  // Where a file was given there is no pipe: a stream that is at its end stands for it.
  const stdin = child.stdin ?? (options.stdinFd === undefined ? null : new PassThrough().end());
  const stdout = child.stdout ?? (options.stdoutFd === undefined ? null : new PassThrough().end());
  const { stderr } = child;
  if (!stdin || !stdout || !stderr) throw new LabError(`no pipes to ${command}`);
  return { pid, stdin, stdout, stderr, ended, stop, [Symbol.asyncDispose]: stop };
}

function collect(stream: NodeJS.ReadableStream, limit: number): { text: () => string } {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    chunks.push(chunk);
    while (size > limit && chunks.length > 1) size -= chunks.shift()?.length ?? 0;
  });
  return { text: () => Buffer.concat(chunks).toString('utf8') };
}

/**
 * Runs a command to its end. Throws LabError when it cannot start, exits with a code outside `accept`, or dies by a signal;
 * throws the abort reason when `signal` fires. The child never outlives the call.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  await using child = start(command, args, options);
  const limit = options.maxBuffer ?? 64 << 20;
  const out = collect(child.stdout, limit);
  const err = collect(child.stderr, limit);
  const drained = [child.stdout, child.stderr].map(
    (stream) => new Promise<void>((resolve) => void stream.once('close', resolve)),
  );
  if (options.onLine) {
    const { onLine } = options;
    createInterface({ input: child.stdout }).on('line', (line) => onLine(line, 'stdout'));
    createInterface({ input: child.stderr }).on('line', (line) => onLine(line, 'stderr'));
  }
  const { code, signal } = await child.ended;
  // What the leader left behind would hold the pipes open.
  killGroup(child.pid, 'SIGKILL');
  options.signal?.throwIfAborted();
  await Promise.all(drained);
  const tail = err.text().trim().split('\n').slice(-15).join('\n');
  if (code === null) throw new LabError(`${command} was ended by ${signal}\n${tail}`);
  if (code === 127 && /setpriv: failed to execute/.test(tail))
    throw new LabError(`${command}: command not found`);
  const accept = options.accept ?? [0];
  if (accept !== 'any' && !accept.includes(code)) {
    throw new LabError(`${command} ${args.slice(0, 6).join(' ')} ended with code ${code}\n${tail}`);
  }
  return { code, stdout: out.text(), stderr: err.text() };
}

/**
 * Runs a command on our own terminal and gives its exit code (128 + n for a signal). It stays in our process group: an
 * interactive program needs the controlling terminal, and Ctrl-C is its to handle.
 */
export async function runOnTerminal(command: string, args: readonly string[]): Promise<number> {
  const [file, argv] = withParentDeath(command, args, 'KILL');
  const ignore = () => {};
  process.on('SIGINT', ignore);
  try {
    const result = await execa(file, argv, { stdio: 'inherit', reject: false });
    if (result.exitCode !== undefined) return result.exitCode;
    return 128 + (constants.signals[result.signal as NodeJS.Signals] ?? 0);
  } finally {
    process.off('SIGINT', ignore);
  }
}
