import { ExitCode, RinglabError } from '../core/errors.ts';
import { allPending, killPending, removePending } from '../core/pending.ts';
import { asReported } from '../core/storage.ts';
import { Exit } from './exit.ts';
import { exitCodeOf, faultOf, reportFailure } from './failure.ts';
import { stderr, stdout, type Terminal } from './terminal.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What reads the output of the command has gone. */
class UnreadError extends RinglabError {
  constructor() {
    super('what reads the output has gone', ExitCode.unread);
  }
}

/** Whether a write failed for want of a reader: a closed pipe, or (EIO) a terminal that has gone. */
const isUnread = ({ code = '' }: NodeJS.ErrnoException, { isTTY }: Terminal): boolean =>
  ['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED', ...(isTTY ? ['EIO'] : [])].includes(code);

/** How long a command may take to clean up, ms. */
export interface EndingLimits {
  /** After a signal: guests and builds are ended within 3 s each, the rest is for the removal of their folders. */
  signalMs: number;
  /** After an exception that no caller got: what waits for the code that threw may wait for good. */
  exceptionMs: number;
}

const LIMITS: EndingLimits = { signalMs: 30_000, exceptionMs: 10_000 };

/** A signal this soon after another is the same Ctrl-C: npm passes on what the terminal sends to its children too. */
const SAME_MS = 100;

/**
 * How a command ends early: one abort for everything that runs, by a signal, by the end of what reads its output or by an exception that
 * no caller got, then its clean-up within a limit. A second signal ends the clean-up: processes are killed, folders removed.
 */
class Ending {
  readonly #abort = new AbortController();
  readonly #limits: EndingLimits;
  #timer: NodeJS.Timeout | undefined;
  #endsAt = Number.POSITIVE_INFINITY;
  #isOver = false;
  #signalledAt = Number.NEGATIVE_INFINITY;

  constructor(limits: EndingLimits) {
    this.#limits = limits;
    for (const name of SIGNALS) process.on(name, () => this.#onSignal(name));
    process.on('uncaughtException', (error) => this.#onException(error));
    for (const stream of [stdout, stderr])
      stream.onError((error) => (isUnread(error, stream) ? this.#onUnread() : this.#onException(error)));
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The command has returned, and has reported how. What still keeps the process alive after an abort has the rest of the time. */
  over(): void {
    this.#isOver = true;
    this.#timer?.unref();
  }

  #onSignal(name: NodeJS.Signals): void {
    const now = performance.now();
    if (this.signal.aborted && now - this.#signalledAt > SAME_MS) {
      killPending();
      removePending();
      process.exit(exitCodeOf(this.signal.reason));
    }
    this.#signalledAt = now;
    this.#end(new RinglabError(`interrupted by ${name}`, ExitCode.interrupted), this.#limits.signalMs);
  }

  /** The reader of our output has gone (`ringlab report latest | head -1`), and with it the need for more. */
  #onUnread(): void {
    if (!this.#isOver) this.#end(new UnreadError(), this.#limits.signalMs);
  }

  /** Exception of a stream or timer. The exit code of Node would be that of a failing kernel. */
  #onException(error: unknown): void {
    const fault = faultOf(error);
    // After the abort it may be a consequence of it: it is only reported when the clean-up does not end.
    this.#end(fault, this.#limits.exceptionMs);
    // A write to standard output fails after the command has ended: no one else reports it.
    if (this.#isOver && this.signal.reason === fault) reportFailure(fault);
  }

  /** Begins the end, or shortens what is left of it. */
  #end(reason: RinglabError, ms: number): void {
    if (!this.signal.aborted) {
      process.exitCode = reason.exitCode;
      this.#abort.abort(reason);
    }
    const endsAt = performance.now() + ms;
    if (endsAt >= this.#endsAt) return;
    clearTimeout(this.#timer);
    this.#endsAt = endsAt;
    // Keeps the process alive: a clean-up that waits for nothing that happens would end it with a code of Node's.
    this.#timer = setTimeout(() => this.#giveUp(reason, ms), ms);
    if (this.#isOver) this.#timer.unref();
  }

  #giveUp(last: RinglabError, ms: number): void {
    const { reason } = this.signal;
    if (!this.#isOver && !(reason instanceof UnreadError)) reportFailure(reason);
    if (last !== reason) reportFailure(last);
    const left = allPending().map((what) => `\n  ${what}`);
    const list = left.length > 0 ? left.join('') : ' nothing that ringlab has begun and knows of';
    stderr.write(`ringlab: the clean-up did not end within ${ms / 1000} s; not cleaned up:${list}\n`);
    killPending();
    process.exit(exitCodeOf(reason));
  }
}

/**
 * Runs the work of a command line, ends it on a signal or an exception that no caller got, and sets the exit code: the only place that
 * catches. Resolves when the work has ended; ends the process when its clean-up does not.
 */
export async function runToEnd(
  work: (signal: AbortSignal) => Promise<unknown>,
  limits: EndingLimits = LIMITS,
): Promise<void> {
  const ending = new Ending(limits);
  try {
    await work(ending.signal);
    // All its work was done before what it printed was not read.
    if (ending.signal.reason instanceof UnreadError) process.exitCode = ExitCode.ok;
  } catch (error) {
    const { aborted, reason } = ending.signal;
    const isVerdict = reason instanceof UnreadError && error instanceof Exit;
    const cause = aborted && !isVerdict ? reason : asReported(error);
    process.exitCode = exitCodeOf(cause);
    if (!(cause instanceof Exit || cause instanceof UnreadError)) reportFailure(cause);
  } finally {
    ending.over();
  }
}
