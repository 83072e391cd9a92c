import type { Writable } from 'node:stream';
import type { StageContext } from '../model/event.ts';
import type { Guest, GuestDeath } from '../model/machine.ts';
import type { Cell } from '../model/plan.ts';
import type { CellVerdict, TestResult } from '../model/result.ts';
import { TapStream } from '../tap/index.ts';
import { agentCommand } from './agent.ts';
import { runningTest, scanForLeaks } from './complaints.ts';

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

function judge(end: End, cell: Cell): Pick<SuiteOutcome, 'verdict' | 'reason' | 'detail'> {
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
  if (end.code === 0 || end.code === 1) return { verdict: 'done' };
  const how =
    end.code === null ? `was ended by ${end.signal ?? 'a lost connection'}` : `ended with code ${end.code}`;
  return { verdict: 'lost', reason: `the agent ${how}` };
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

/** Runs the agent in a booted guest, reads its TAP as it comes and says how it went. */
export async function runSuite(
  guest: Guest,
  cell: Cell,
  options: { helpPort: number; sink: Writable; debug: boolean; stopAt?: (test: TestResult) => boolean },
  ctx: StageContext,
): Promise<SuiteOutcome> {
  let firstTapMs: number | undefined;
  let complaint = '';
  let stopAt = (_test: TestResult) => {};
  const stopped = new Promise<End>((resolve) => {
    stopAt = (test) => options.stopAt?.(test) && resolve({ kind: 'stopped', at: test });
  });
  const tap = new TapStream({
    onTest: (test) => {
      stopAt(test);
      const reason = test.reason ? `: ${test.reason}` : '';
      ctx.emit({
        stage: 'suite',
        subject: cell.name,
        kind: 'line',
        text: `${test.verdict} ${test.name}${reason}`,
      });
    },
  });
  const stop = new AbortController();
  const running = guest
    .exec(agentCommand(options.helpPort), {
      signal: AbortSignal.any([ctx.signal, stop.signal]),
      onStdout: (chunk) => {
        if (stop.signal.aborted) return;
        firstTapMs ??= Math.round(performance.now() - guest.startedAt);
        options.sink.write(chunk);
        tap.write(chunk);
      },
      onStderr: (chunk) => {
        complaint = (complaint + chunk.toString('utf8')).slice(-4000);
      },
    })
    .then(
      ({ code, signal }): End => ({ kind: 'exit', code, signal }),
      (): End => ({ kind: 'exit', code: null }),
    );
  const end = await waitForEnd(guest, [running, stopped], cell);
  stop.abort();
  ctx.signal.throwIfAborted();
  const leakReport = end.kind === 'exit' && options.debug ? await scanForLeaks(guest, ctx.signal) : undefined;
  const verdict = judge(end, cell);
  if (end.kind === 'stopped') return { ...verdict, tests: [end.at], firstTapMs };
  const tests = tap.end({
    code: end.kind === 'exit' ? end.code : null,
    signal: end.kind === 'exit' ? end.signal : undefined,
    timedOut: end.kind === 'timeout',
    guestDied: end.kind === 'death' ? end.death.title : undefined,
    running: runningTest(guest.consoleText()),
  });
  return {
    ...verdict,
    detail: verdict.detail ?? (complaint.trim() || undefined),
    tests,
    firstTapMs,
    leakReport,
  };
}
