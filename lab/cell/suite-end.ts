import type { CellSpec } from '../model/cell.ts';
import { type GuestDeath, isLabFault } from '../model/machine.ts';
import type { TestResult } from '../model/result.ts';
import type { CellVerdict } from '../model/verdict.ts';
import { type Ending, lastWords, signalOf } from '../tap/index.ts';
import { type Damage, damageWords } from './damage.ts';
import { verdictOf } from './death.ts';
import type { Launch } from './launch.ts';
import type { StuckTest } from './watchdog.ts';

/** How a suite went, before the console is read for complaints. */
export interface SuiteOutcome {
  verdict: CellVerdict;
  reason?: string | undefined;
  detail?: string | undefined;
  tests: TestResult[];
  /** ms from QEMU start to the first byte of TAP, pushing the agent included. */
  firstTapMs?: number | undefined;
  /** Announced tests that had not begun when the suite ended. */
  notBegun: readonly string[];
  /** All announced tests, in order. */
  announced: readonly string[];
  /** SIGKILL ended the suite, which the lab did not send. */
  killed?: boolean | undefined;
  /** kmemleak's report at the end, of debug kernels only. */
  leakReport?: string | undefined;
}

/** How a suite ended. */
export type End =
  | { kind: 'stopped'; at: TestResult }
  | { kind: 'exit'; code: number | null; signal?: string | undefined }
  | { kind: 'death'; death: GuestDeath }
  | { kind: 'timeout' }
  | { kind: 'stuck'; test: StuckTest }
  | { kind: 'damaged'; damage: Damage }
  | { kind: 'flood'; limit: string };

/** Whether SIGKILL ended a suite: the agent as seen by SSH, or what a shell started. */
export const wasKilled = (end: End): boolean =>
  end.kind === 'exit' &&
  (end.signal === 'SIGKILL' || (end.code !== null && signalOf(end.code) === 'SIGKILL'));

const stuckWords = ({ deadlineMs, waitedMs }: StuckTest): string =>
  `the agent hung with a test: no result within ${waitedMs / 1000} s, its deadline is ${deadlineMs / 1000} s`;

/** `ended with code 134 (SIGABRT)`: a shell reports a signal so. */
function exitWords(code: number | null, signal: string | undefined): string {
  if (code === null) return `was ended by ${signal ?? 'a lost connection'}`;
  const byShell = signalOf(code);
  return `ended with code ${code}${byShell === undefined ? '' : ` (${byShell})`}`;
}

/** The last words of standard error behind a reason; nothing where there are none. */
function said(stderr: string): string {
  const words = lastWords(stderr);
  return words === undefined ? '' : `: ${words}`;
}

/** Verdict and reason of a suite by its end. `stderr`: the end of its standard error. */
export function judge(
  end: End,
  spec: CellSpec,
  launch: Launch,
  stderr: string,
): Pick<SuiteOutcome, 'verdict' | 'reason' | 'detail'> {
  if (end.kind === 'timeout') {
    return {
      verdict: 'timeout',
      reason: `the suite did not end within ${spec.deadlines.suiteMs / 1000} s`,
    };
  }
  if (end.kind === 'stuck')
    return { verdict: 'timeout', reason: `${stuckWords(end.test)}: ${end.test.name}` };
  if (end.kind === 'death') {
    const { kind, title, tail } = end.death;
    return { verdict: verdictOf(kind), reason: title, detail: tail };
  }
  if (end.kind === 'flood') {
    return { verdict: 'lost', reason: `the suite was ended: it printed more than ${end.limit}` };
  }
  // The tests say the rest: that of the damage is no pass, and those after it run elsewhere.
  if (end.kind === 'stopped' || end.kind === 'damaged') return { verdict: 'done' };
  // The agent exits with 0 or 1 after a whole suite; a program's code is a verdict, whatever it is.
  const isVerdict = launch.byExitCode && end.code !== null;
  if (isVerdict || end.code === 0 || end.code === 1) return { verdict: 'done' };
  const described = end.code === null ? undefined : launch.describeCode?.(end.code);
  if (described !== undefined) return { verdict: 'lost', reason: described };
  const subject = launch.byExitCode ? 'program' : 'agent';
  return { verdict: 'lost', reason: `the ${subject} ${exitWords(end.code, end.signal)}${said(stderr)}` };
}

/** What cost the running test its result, when the suite did not end by itself. */
export function whatEnded(end: End): Pick<Ending, 'guestDied' | 'cutOff' | 'stuck'> {
  if (end.kind === 'stuck') return { stuck: stuckWords(end.test) };
  if (end.kind === 'flood') return { cutOff: `the suite was ended after ${end.limit} of output` };
  if (end.kind === 'damaged') return { cutOff: damageWords(end.damage) };
  if (end.kind !== 'death') return {};
  const { kind, title } = end.death;
  return isLabFault(kind) ? { cutOff: title } : { guestDied: title };
}
