import { constants } from 'node:os';
import { PassThrough } from 'node:stream';
import { execa, type Options, type ResultPromise } from 'execa';
import { LabError } from './errors.ts';
import { LineSplitter } from './lines.ts';
import { pending } from './pending.ts';
import { findProgram } from './program.ts';

/** How a child is started and ended. */
export interface RunOptions {
  cwd?: string;
  /** Added to our environment, or all of the child's environment with `cleanEnv`. */
  env?: Record<string, string>;
  cleanEnv?: boolean;
  /** Standard input of the child. */
  input?: string | Uint8Array;
  signal?: AbortSignal;
  /** Called with each line of output when it is complete; a long line is cut to 64 KiB (LineSplitter). */
  onLine?: (line: string, from: 'stdout' | 'stderr') => void;
  /** Exit codes that are no error; default `[0]`. `'any'`: every exit code, but never a signal. */
  accept?: readonly number[] | 'any';
  /** Time between TERM and KILL, ms; default 3000. */
  graceMs?: number;
  /** Bytes kept of each output stream, the last ones; default 64 MiB. */
  maxBuffer?: number;
  /** Bytes that `run` reads of both streams together; more end the child, and `run` throws OutputLimitError. Default no limit. */
  maxOutput?: number;
  /** Signal that the kernel sends the child when our process dies, even by SIGKILL; default KILL. */
  parentDeath?: 'KILL' | 'TERM';
  /** Open files instead of the pipes to standard input and output; the caller closes them. */
  stdinFd?: number;
  stdoutFd?: number;
  /** An open file that the child has as descriptor 3; the caller closes it. */
  extraFd?: number | undefined;
}

/** What a child left when it exited. */
export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** A running child, the leader of its process group. */
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

/** Signals a process group; one that has ended is no error. */
function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Becomes the command of its arguments, unless process `$0`, which started it, has ended. */
const UNLESS_ORPHANED = '[ "$PPID" = "$0" ] || exit 1; exec "$@"';

/**
 * The command line with a parent-death signal, set by setpriv (util-linux): a lab killed with SIGKILL cannot clean up, so the kernel
 * has to. A lab that was killed before setpriv had set the signal would leave the command for good, so its parent is looked at
 * afterwards; not with a given environment, to which a shell adds (PWD): such commands end by themselves.
 */
function withParentDeath(
  command: string,
  args: readonly string[],
  { parentDeath = 'KILL', cleanEnv = false }: Pick<RunOptions, 'parentDeath' | 'cleanEnv'>,
): [string, string[]] {
  const check = cleanEnv ? [] : ['/bin/sh', '-c', UNLESS_ORPHANED, String(process.pid)];
  return ['setpriv', [`--pdeathsig=${parentDeath}`, '--', ...check, command, ...args]];
}

function spawnGroup(command: string, args: readonly string[], options: RunOptions): ResultPromise {
  const [file, argv] = withParentDeath(command, args, options);
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
    stdio: [
      // Undefined: a pipe, or the input that is given.
      options.stdinFd as 0 | undefined,
      options.stdoutFd as 1 | undefined,
      undefined,
      ...(options.extraFd === undefined ? [] : [options.extraFd as 3]),
    ],
  };
  return execa(file, argv, settings) as ResultPromise;
}

async function stopGroup(pid: number, ended: Promise<unknown>, graceMs: number): Promise<void> {
  killGroup(pid, 'SIGTERM');
  const timer = setTimeout(() => killGroup(pid, 'SIGKILL'), graceMs);
  await ended;
  clearTimeout(timer);
  // Members of the group may have outlived its leader.
  killGroup(pid, 'SIGKILL');
}

/** Most characters of a command line in a report. */
const MAX_WORDS = 200;

/**
 * Starts a long-lived child. The caller has to read its output. Throws LabError when it cannot start, the abort reason when `signal`
 * has fired; a later abort stops the child.
 */
export function start(command: string, args: readonly string[], options: RunOptions = {}): Child {
  options.signal?.throwIfAborted();
  const child = spawnGroup(command, args, options);
  const { pid } = child;
  if (pid === undefined) throw new LabError(`cannot start ${command}`);
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  child.catch(() => {});
  const words = [command, ...args].join(' ').slice(0, MAX_WORDS);
  const kill = () => killGroup(pid, 'SIGKILL');
  const running = pending(`process ${pid}, which is killed now: ${words}`, { kill });
  void ended.then(() => running[Symbol.dispose]());
  const stop = () => stopGroup(pid, ended, options.graceMs ?? 3000);
  const onAbort = () => void stop();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  void ended.then(() => options.signal?.removeEventListener('abort', onAbort));
  // A file leaves no pipe: an ended stream replaces it.
  const stdin = child.stdin ?? (options.stdinFd === undefined ? null : new PassThrough().end());
  const stdout = child.stdout ?? (options.stdoutFd === undefined ? null : new PassThrough().end());
  const { stderr } = child;
  if (!stdin || !stdout || !stderr) throw new LabError(`no pipes to ${command}`);
  return { pid, stdin, stdout, stderr, ended, stop, [Symbol.asyncDispose]: stop };
}

/** A command printed more than the limit that the caller set. */
export class OutputLimitError extends LabError {}

/** Most characters of standard error in an error message. */
const MAX_TAIL = 8000;

/** The last lines of standard error, for a message. */
const tailOf = (stderr: string) => stderr.trim().slice(-MAX_TAIL).split('\n').slice(-15).join('\n');

/** Keeps the last `limit` bytes of a stream, in whole chunks. */
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

/** Passes lines on and stops the child when its output passes the limit. The result says whether it has. */
function watchOutput(
  child: Child,
  { onLine, maxOutput = Number.POSITIVE_INFINITY }: RunOptions,
): () => boolean {
  let bytes = 0;
  for (const from of ['stdout', 'stderr'] as const) {
    const lines = new LineSplitter((line) => onLine?.(line, from));
    child[from].on('data', (chunk: Buffer) => {
      const exceeded = bytes > maxOutput;
      bytes += chunk.length;
      if (bytes <= maxOutput) {
        if (onLine) lines.write(chunk);
      } else if (!exceeded) void child.stop();
    });
    child[from].on('end', () => lines.end());
  }
  return () => bytes > maxOutput;
}

/**
 * Runs a command to its end. Throws LabError when it cannot start, exits with a code outside `accept`, or is ended by a signal,
 * OutputLimitError when it prints more than `maxOutput`, and the abort reason when `signal` fires. The child's process group never outlives the call.
 *
 * @example
 * const { stdout } = await run('git', ['rev-parse', 'HEAD'], { cwd, signal });
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
  const tooMuch = watchOutput(child, options);
  const { code, signal } = await child.ended;
  // Processes that the leader left behind would hold the pipes open.
  killGroup(child.pid, 'SIGKILL');
  options.signal?.throwIfAborted();
  await Promise.all(drained);
  if (tooMuch()) throw new OutputLimitError(`${command} printed more than ${options.maxOutput} bytes`);
  const tail = tailOf(err.text());
  if (code === null) throw new LabError(`${command} was ended by ${signal}\n${tail}`);
  // What it printed may come from the command itself.
  if (code === 127 && findProgram(command, options) === undefined)
    throw new LabError(`${command}: command not found`);
  const accept = options.accept ?? [0];
  if (accept !== 'any' && !accept.includes(code)) {
    throw new LabError(`${command} ${args.slice(0, 6).join(' ')} ended with code ${code}\n${tail}`);
  }
  return { code, stdout: out.text(), stderr: err.text() };
}

/**
 * Runs a command on our terminal and returns its exit code (128 + n for signal n). It stays in our process group, because an
 * interactive program needs the controlling terminal, and handles Ctrl-C itself.
 */
export async function runOnTerminal(command: string, args: readonly string[]): Promise<number> {
  const [file, argv] = withParentDeath(command, args, {});
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
