import type { Writable } from 'node:stream';
import type { CellSpec } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { Guest } from '../model/machine.ts';
import type { TestResult } from '../model/result.ts';
import { runningTestOf } from './complaints.ts';
import { DamageWatch } from './damage.ts';
import type { Launch } from './launch.ts';
import { scanForLeaks } from './leaks.ts';
import { type Budget, OutputMeter } from './limits.ts';
import { SuiteListener } from './listener.ts';
import { type End, judge, type SuiteOutcome, wasKilled, whatEnded } from './suite-end.ts';
import { tasksOf, waitForEnd } from './wait.ts';
import { Watchdog } from './watchdog.ts';

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
  /** Whether the kernel is configured with kmemleak: a debug kernel that has none then is no kernel without leaks. */
  hasKmemleak?: boolean;
  /** How the watchdog of hanging tests is set, for tests of it. */
  watchdog?: { slackMs: number };
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
  const output = { stdout: listener.stdoutTail, stderr: listener.stderrTail };
  const result = launch.byExitCode?.(end.code, output, listener.tap.anyTap);
  if (result) listener.report(result);
  return result;
}

/** The test that was running at the end. That of a damaged guest is not blamed: it runs again elsewhere. */
async function runningAt(end: End, guest: Guest): Promise<{ running?: string | undefined }> {
  if (end.kind === 'damaged') return {};
  return { running: end.kind === 'stuck' ? end.test.name : await runningTestOf(guest) };
}

/** The tests of a suite that has ended. */
async function testsOf(
  end: End,
  launch: Launch,
  listener: SuiteListener,
  guest: Guest,
  evidence: string | undefined,
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
    ...(evidence === undefined ? {} : { evidence }),
    ...(complete ? {} : await runningAt(end, guest)),
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
  const isCounting = spec.profile?.icount ?? false;
  using watchdog = new Watchdog({ testMs: spec.deadlines.testMs, isCounting, ...options.watchdog });
  using damage = new DamageWatch(guest, spec);
  const watchers = { watchdog, damage };
  const listener = new SuiteListener(options.cell, options.stopAt, watchers, ctx, options.resultChars);
  const meter = new OutputMeter(options.budget?.share);
  const signal = AbortSignal.any([ctx.signal, stop.signal]);
  const exited = listen(guest, launch, listener, options.sink, meter, signal);
  const flooded = meter.flooded.then((): End => ({ kind: 'flood', limit: meter.limitText }));
  const stopped = listener.stopped.then((at): End => ({ kind: 'stopped', at }));
  const stuck = watchdog.stuck.then((test): End => ({ kind: 'stuck', test }));
  const damaged = damage.found.then((found): End => ({ kind: 'damaged', damage: found }));
  const end = await waitForEnd(
    guest,
    [flooded, exited, stopped, stuck, damaged],
    spec.deadlines.suiteMs,
    ctx.signal,
  ).finally(() => {
    stop.abort();
    // The record of an interrupted run has what had ended.
    if (ctx.signal.aborted) listener.tap.release();
  });
  options.budget?.spend(meter.taken);
  ctx.signal.throwIfAborted();
  const isHung = end.kind === 'stuck' || end.kind === 'timeout';
  const evidence = isHung ? await tasksOf(guest, ctx.signal) : undefined;
  const scan = end.kind === 'exit' && spec.kernel.debug;
  const leaks = scan
    ? await scanForLeaks(guest, ctx.signal, { isConfigured: options.hasKmemleak ?? false })
    : undefined;
  // The tests of a suite that had ended stay as they are when the guest dies later.
  const judged = judge(
    leaks?.death ? { kind: 'death', death: leaks.death } : end,
    spec,
    launch,
    listener.stderrTail,
  );
  // A report that was cut may hide a leak: the cell does not count as done.
  const isCut = judged.verdict === 'done' && leaks?.cut !== undefined;
  const { verdict, reason, detail } = isCut ? { verdict: 'lost' as const, reason: leaks.cut } : judged;
  return {
    ...{ verdict, reason, detail: detail ?? evidence ?? (listener.stderrTail.trim() || undefined) },
    tests: await testsOf(end, launch, listener, guest, evidence),
    notBegun: listener.tap.notBegun,
    announced: listener.tap.announced,
    killed: wasKilled(end),
    firstTapMs: listener.firstTapMs,
    leakReport: leaks?.report,
  };
}
