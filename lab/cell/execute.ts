import type { Writable } from 'node:stream';
import type { CellSpec } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import { type Guest, type GuestDeath, isLabFault } from '../model/machine.ts';
import type { TestResult } from '../model/result.ts';
import type { CellVerdict } from '../model/verdict.ts';
import { runningTestOf } from './complaints.ts';
import { DEATH_GRACE_MS, verdictOf } from './death.ts';
import type { Launch } from './launch.ts';
import { scanForLeaks } from './leaks.ts';
import { type Budget, OutputMeter } from './limits.ts';
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
  | { kind: 'timeout' }
  | { kind: 'flood'; limit: string };

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
    return { verdict: verdictOf(kind), reason: title, detail: tail };
  }
  if (end.kind === 'flood') {
    return { verdict: 'lost', reason: `the suite was ended: it printed more than ${end.limit}` };
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
  /** What the suites of the run may still print; absent: one suite's share. */
  budget?: Budget;
  /** Characters that the results may take in the record; absent: one suite's share. */
  resultChars?: number;
  /** Ends the suite after the first test for which this returns true; later tests are not in the result. */
  stopAt?: ((test: TestResult) => boolean) | undefined;
}

/** Starts the suite and reads its output until it ends or `signal` fires. What passes the limit of `meter` is dropped. */
function listen(
  guest: Guest,
  launch: Launch,
  listener: SuiteListener,
  sink: Writable,
  meter: OutputMeter,
  signal: AbortSignal,
): Promise<End> {
  return guest
    .exec(launch.command, {
      signal,
      onStdout: (chunk) => {
        const kept = signal.aborted ? undefined : meter.take(chunk);
        if (!kept?.length) return;
        sink.write(kept);
        listener.takeStdout(kept, performance.now() - guest.startedAt);
      },
      onStderr: (chunk) => listener.takeStderr(meter.take(chunk)),
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

/** What cost the running test its result, when the suite did not end by itself. */
function whatEnded(end: End): { guestDied?: string; cutOff?: string } {
  if (end.kind === 'flood') return { cutOff: `the suite was ended after ${end.limit} of output` };
  if (end.kind !== 'death') return {};
  const { kind, title } = end.death;
  return isLabFault(kind) ? { cutOff: title } : { guestDied: title };
}

/** The tests of a suite that has ended. */
async function testsOf(
  end: End,
  launch: Launch,
  listener: SuiteListener,
  guest: Guest,
): Promise<TestResult[]> {
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
    ...whatEnded(end),
    ...(complete ? {} : { running: await runningTestOf(guest) }),
  });
}

/**
 * Runs a launched suite in its guest, reads its TAP as it comes and judges how it went. The tests that ended before a death of the
 * guest are in the result. Throws the abort reason, or why the console is incomplete where it has to name the running test.
 */
export async function executeSuite(
  guest: Guest,
  spec: CellSpec,
  launch: Launch,
  options: ExecuteOptions,
  ctx: StageContext,
): Promise<SuiteOutcome> {
  const stop = new AbortController();
  const listener = new SuiteListener(options.cell, options.stopAt, ctx, options.resultChars);
  const meter = new OutputMeter(options.budget?.share);
  const signal = AbortSignal.any([ctx.signal, stop.signal]);
  const exited = listen(guest, launch, listener, options.sink, meter, signal);
  const flooded = meter.flooded.then((): End => ({ kind: 'flood', limit: meter.limitText }));
  const stopped = listener.stopped.then((at): End => ({ kind: 'stopped', at }));
  const end = await waitForEnd(guest, [flooded, exited, stopped], spec.deadlines.suiteMs);
  stop.abort();
  options.budget?.spend(meter.taken);
  ctx.signal.throwIfAborted();
  const scan = end.kind === 'exit' && spec.kernel.debug;
  const leaks = scan ? await scanForLeaks(guest, ctx.signal) : undefined;
  // The tests of a suite that had ended stay as they are when the guest dies later.
  const judged = judge(leaks?.death ? { kind: 'death', death: leaks.death } : end, spec, launch);
  // A report that was cut may hide a leak: the cell does not count as done.
  const isCut = judged.verdict === 'done' && leaks?.cut !== undefined;
  const { verdict, reason, detail } = isCut ? { verdict: 'lost' as const, reason: leaks.cut } : judged;
  return {
    ...{ verdict, reason, detail: detail ?? (listener.stderrTail.trim() || undefined) },
    tests: await testsOf(end, launch, listener, guest),
    firstTapMs: listener.firstTapMs,
    leakReport: leaks?.report,
  };
}
