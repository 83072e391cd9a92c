import type { Writable } from 'node:stream';
import type { StageContext } from '../model/event.ts';
import type { Guest, GuestDeath } from '../model/machine.ts';
import type { Cell } from '../model/plan.ts';
import type { CellVerdict, TestResult } from '../model/result.ts';
import { TapStream } from '../tap/index.ts';
import { runningTest, scanForLeaks } from './complaints.ts';
import type { Start } from './launch.ts';

export interface SuiteOutcome {
  verdict: CellVerdict;
  reason?: string;
  detail?: string;
  tests: TestResult[];
  /** ms from QEMU start to the first byte of TAP, copying the agent included. */
  firstTapMs?: number;
  /** kmemleak's report at the end, debug kernels only. */
  leakReport?: string;
}

type End =
  | { kind: 'stopped'; at: TestResult }
  | { kind: 'exit'; code: number | null; signal?: string }
  | { kind: 'death'; death: GuestDeath }
  | { kind: 'timeout' };

/** How long a guest may take to die by a panic of its own after the connection to it broke, ms. */
const DEATH_GRACE_MS = 10_000;

function judge(end: End, cell: Cell, start: Start): Pick<SuiteOutcome, 'verdict' | 'reason' | 'detail'> {
  if (end.kind === 'timeout') {
    return { verdict: 'timeout', reason: `the suite did not end within ${cell.suite.timeoutSeconds} s` };
  }
  if (end.kind === 'death') {
    const { kind, title, tail } = end.death;
    const verdict = kind === 'panic' || kind === 'reboot' ? 'crash' : 'lost';
    return { verdict, reason: title, detail: tail };
  }
  if (end.kind === 'stopped') return { verdict: 'done' };
  // 0: all passed, 1: some test failed; both are a suite that ran to its end.
  // A program's code is a verdict, whatever it is.
  const own = start.byExitCode && end.code !== null;
  if (own || end.code === 0 || end.code === 1) return { verdict: 'done' };
  const how =
    end.code === null ? `was ended by ${end.signal ?? 'a lost connection'}` : `ended with code ${end.code}`;
  return { verdict: 'lost', reason: `the ${start.byExitCode ? 'program' : 'agent'} ${how}` };
}

async function deadline<T>(ms: number, value: T, stop: AbortSignal): Promise<T> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, value);
    stop.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}

/** Waits for the agent's end (or another), the guest's death or the suite's deadline, whichever is first. */
async function waitForEnd(guest: Guest, running: Promise<End>[], cell: Cell): Promise<End> {
  const stop = new AbortController();
  const death = guest.death.then((found): End => ({ kind: 'death', death: found }));
  try {
    const limit = deadline<End>(cell.suite.timeoutSeconds * 1000, { kind: 'timeout' }, stop.signal);
    const end = await Promise.race([...running, death, limit]);
    const lostTouch = end.kind === 'exit' && end.code === null;
    // A panic cuts the connection before QEMU has said why: the death explains more than the cut.
    return lostTouch ? await Promise.race([death, deadline(DEATH_GRACE_MS, end, stop.signal)]) : end;
  } finally {
    stop.abort();
  }
}

interface SuiteOptions {
  /** Takes the output as it came. */
  sink: Writable;
  /** The kernel is a debug one: it is asked for leaks at the end. */
  debug: boolean;
  stopAt?: (test: TestResult) => boolean;
}

/** Output kept for a program that has nothing but its exit code to tell, characters. */
const OUTPUT_KEPT = 64 << 10;

/** Reads what a suite says, as it says it. */
class Listener {
  readonly tap: TapStream;
  /** The end of standard error, and of standard output. */
  complaint = '';
  output = '';
  anyTap = false;
  firstTapMs: number | undefined;
  /** Resolves when a test has come at which to stop. */
  readonly stopped: Promise<End>;

  constructor(cell: Cell, stopAt: SuiteOptions['stopAt'], ctx: StageContext) {
    let stop = (_end: End) => {};
    this.stopped = new Promise((resolve) => {
      stop = resolve;
    });
    this.tap = new TapStream({
      onTest: (test) => {
        this.anyTap = true;
        if (stopAt?.(test)) stop({ kind: 'stopped', at: test });
        const reason = test.reason ? `: ${test.reason}` : '';
        const text = `${test.verdict} ${test.name}${reason}`;
        ctx.emit({ stage: 'suite', subject: cell.name, kind: 'line', text });
      },
    });
  }

  take(chunk: Buffer, sinceStartMs: number): void {
    this.firstTapMs ??= Math.round(sinceStartMs);
    this.output = (this.output + chunk.toString('utf8')).slice(-OUTPUT_KEPT);
    this.tap.write(chunk);
  }

  takeError(chunk: Buffer): void {
    this.complaint = (this.complaint + chunk.toString('utf8')).slice(-4000);
  }
}

/** Starts the suite and reads it until it ends, or `stop` fires. */
function listen(
  guest: Guest,
  start: Start,
  listener: Listener,
  sink: Writable,
  signal: AbortSignal,
): Promise<End> {
  return guest
    .exec(start.command, {
      signal,
      onStdout: (chunk) => {
        if (signal.aborted) return;
        sink.write(chunk);
        listener.take(chunk, performance.now() - guest.startedAt);
      },
      onStderr: (chunk) => listener.takeError(chunk),
    })
    .then(
      ({ code, signal: name }): End => ({ kind: 'exit', code, signal: name }),
      (): End => ({ kind: 'exit', code: null }),
    );
}

/** The tests of a suite that has ended. */
function testsOf(
  end: End,
  start: Start,
  { tap, output, complaint, anyTap }: Listener,
  guest: Guest,
): TestResult[] {
  if (end.kind === 'stopped') return [end.at];
  // A program that ended by itself was not cut off; its end marker may still be on the way.
  const whole = start.byExitCode && end.kind === 'exit' && end.code !== null;
  const all = tap.end({
    code: end.kind === 'exit' ? end.code : null,
    signal: end.kind === 'exit' ? end.signal : undefined,
    timedOut: end.kind === 'timeout',
    guestDied: end.kind === 'death' ? end.death.title : undefined,
    running: whole ? undefined : runningTest(guest.consoleText()),
  });
  if (end.kind !== 'exit' || end.code === null) return all;
  const only = start.byExitCode?.(end.code, output + complaint, anyTap);
  return only ? [only] : all;
}

/** Runs a suite in a booted guest, reads its TAP as it comes and says how it went. */
export async function runSuite(
  guest: Guest,
  cell: Cell,
  start: Start,
  options: SuiteOptions,
  ctx: StageContext,
): Promise<SuiteOutcome> {
  const stop = new AbortController();
  const listener = new Listener(cell, options.stopAt, ctx);
  const running = listen(guest, start, listener, options.sink, AbortSignal.any([ctx.signal, stop.signal]));
  const end = await waitForEnd(guest, [running, listener.stopped], cell);
  stop.abort();
  ctx.signal.throwIfAborted();
  const leakReport = end.kind === 'exit' && options.debug ? await scanForLeaks(guest, ctx.signal) : undefined;
  const verdict = judge(end, cell, start);
  return {
    ...verdict,
    detail: verdict.detail ?? (listener.complaint.trim() || undefined),
    tests: testsOf(end, start, listener, guest),
    firstTapMs: listener.firstTapMs,
    leakReport,
  };
}
