import type { Writable } from 'node:stream';
import type { CellSpec } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { Guest, GuestDeath } from '../model/machine.ts';
import type { TestResult } from '../model/result.ts';
import type { CellVerdict } from '../model/verdict.ts';
import { runningTest, scanForLeaks } from './complaints.ts';
import type { Launch } from './launch.ts';
import { SuiteListener } from './listener.ts';

/** How a suite went, before the console is read for complaints. */
export interface SuiteOutcome {
  verdict: CellVerdict;
  reason?: string | undefined;
  detail?: string | undefined;
  tests: TestResult[];
  /** ms from QEMU start to the first byte of TAP, pushing the agent included. */
  firstTapMs?: number | undefined;
  /** kmemleak's report at the end, of debug kernels only. */
  leakReport?: string | undefined;
}

/** How a suite ended. */
type End =
  | { kind: 'stopped'; at: TestResult }
  | { kind: 'exit'; code: number | null; signal?: string | undefined }
  | { kind: 'death'; death: GuestDeath }
  | { kind: 'timeout' };

/** How long a guest may take to die by its panic after the connection to it broke, ms. */
const DEATH_GRACE_MS = 10_000;

function judge(
  end: End,
  spec: CellSpec,
  launch: Launch,
): Pick<SuiteOutcome, 'verdict' | 'reason' | 'detail'> {
  if (end.kind === 'timeout') {
    return {
      verdict: 'timeout',
      reason: `the suite did not end within ${spec.deadlines.suiteMs / 1000} s`,
    };
  }
  if (end.kind === 'death') {
    const { kind, title, tail } = end.death;
    const verdict = kind === 'panic' || kind === 'reboot' ? 'crash' : 'lost';
    return { verdict, reason: title, detail: tail };
  }
  if (end.kind === 'stopped') return { verdict: 'done' };
  // The agent exits with 0 or 1 after a whole suite; a program's code is a verdict, whatever it is.
  const isVerdict = launch.byExitCode && end.code !== null;
  if (isVerdict || end.code === 0 || end.code === 1) return { verdict: 'done' };
  const how =
    end.code === null ? `was ended by ${end.signal ?? 'a lost connection'}` : `ended with code ${end.code}`;
  return { verdict: 'lost', reason: `the ${launch.byExitCode ? 'program' : 'agent'} ${how}` };
}

async function deadline<T>(ms: number, value: T, stop: AbortSignal): Promise<T> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, value);
    stop.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}

/** Waits for the suite's end, the guest's death or the suite's deadline, whichever comes first. */
async function waitForEnd(guest: Guest, ends: Promise<End>[], suiteMs: number): Promise<End> {
  const stop = new AbortController();
  const death = guest.death.then((found): End => ({ kind: 'death', death: found }));
  try {
    const limit = deadline<End>(suiteMs, { kind: 'timeout' }, stop.signal);
    const end = await Promise.race([...ends, death, limit]);
    const connectionLost = end.kind === 'exit' && end.code === null;
    // A panic cuts the connection before QEMU has reported it: the death explains more than the cut.
    return connectionLost ? await Promise.race([death, deadline(DEATH_GRACE_MS, end, stop.signal)]) : end;
  } finally {
    stop.abort();
  }
}

/** What `executeSuite` needs besides the cell. */
export interface ExecuteOptions {
  /** The cell's name in events. */
  cell: string;
  /** Takes the output as it came. */
  sink: Writable;
  /** Ends the suite after the first test for which this returns true; later tests are not in the result. */
  stopAt?: ((test: TestResult) => boolean) | undefined;
}

/** Starts the suite and reads its output until it ends or `signal` fires. */
function listen(
  guest: Guest,
  launch: Launch,
  listener: SuiteListener,
  sink: Writable,
  signal: AbortSignal,
): Promise<End> {
  return guest
    .exec(launch.command, {
      signal,
      onStdout: (chunk) => {
        if (signal.aborted) return;
        sink.write(chunk);
        listener.takeStdout(chunk, performance.now() - guest.startedAt);
      },
      onStderr: (chunk) => listener.takeStderr(chunk),
    })
    .then(
      ({ code, signal: name }): End => ({ kind: 'exit', code, signal: name }),
      (): End => ({ kind: 'exit', code: null }),
    );
}

/** The result that a program's exit code is; undefined where TAP decides. */
function resultOfExit(end: End, launch: Launch, listener: SuiteListener): TestResult | undefined {
  if (end.kind !== 'exit' || end.code === null) return undefined;
  const result = launch.byExitCode?.(end.code, listener.stdoutTail + listener.stderrTail, listener.anyTap);
  if (result) listener.report(result);
  return result;
}

/** The tests of a suite that has ended. */
function testsOf(end: End, launch: Launch, listener: SuiteListener, guest: Guest): TestResult[] {
  if (end.kind === 'stopped') return [end.at];
  // Before the stream's end: what is missing in output that is no TAP would count as TAP.
  const byExitCode = resultOfExit(end, launch, listener);
  if (byExitCode) return [byExitCode];
  // A program that ended by itself was not cut off; its end marker may still be on the way.
  const complete = launch.byExitCode && end.kind === 'exit' && end.code !== null;
  return listener.tap.end({
    code: end.kind === 'exit' ? end.code : null,
    ...(end.kind === 'exit' && end.signal !== undefined ? { signal: end.signal } : {}),
    timedOut: end.kind === 'timeout',
    ...(end.kind === 'death' ? { guestDied: end.death.title } : {}),
    ...(complete ? {} : { running: runningTest(guest.consoleText()) }),
  });
}

/** Runs a launched suite in its guest, reads its TAP as it comes and judges how it went. Throws only the abort reason. */
export async function executeSuite(
  guest: Guest,
  spec: CellSpec,
  launch: Launch,
  options: ExecuteOptions,
  ctx: StageContext,
): Promise<SuiteOutcome> {
  const stop = new AbortController();
  const listener = new SuiteListener(options.cell, options.stopAt, ctx);
  const exited = listen(guest, launch, listener, options.sink, AbortSignal.any([ctx.signal, stop.signal]));
  const stopped = listener.stopped.then((at): End => ({ kind: 'stopped', at }));
  const end = await waitForEnd(guest, [exited, stopped], spec.deadlines.suiteMs);
  stop.abort();
  ctx.signal.throwIfAborted();
  const scan = end.kind === 'exit' && spec.kernel.debug;
  const leakReport = scan ? await scanForLeaks(guest, ctx.signal) : undefined;
  const { verdict, reason, detail = listener.stderrTail.trim() || undefined } = judge(end, spec, launch);
  return {
    ...{ verdict, reason, detail },
    tests: testsOf(end, launch, listener, guest),
    firstTapMs: listener.firstTapMs,
    leakReport,
  };
}
