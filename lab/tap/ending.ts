import type { TestResult } from '../model/result.ts';
import type { Verdict } from '../model/verdict.ts';
import { SKIP_CODES } from './exit.ts';
import { signalOf } from './exit-reason.ts';

/** How a suite ended, as its caller saw it. */
export interface Ending {
  /** Exit code; null when a signal ended the suite or no exit status arrived. */
  code: number | null;
  signal?: string;
  timedOut?: boolean;
  /** How the agent hung with the test that was running, whose deadline has passed. */
  stuck?: string;
  /** How the guest died under the suite (`Kernel panic - not syncing: ...`). */
  guestDied?: string;
  /** What ended the suite, when neither it nor the kernel did: it printed too much, or QEMU was ended from outside. */
  cutOff?: string;
  /** Full name of the test that began and did not end, if the caller knows it from the console's markers. */
  running?: string;
  /** What the kernel said of its tasks then: the detail of the running test. */
  evidence?: string;
}

/** What an ending means for the tests that it cost their result. */
export interface Stop {
  /** Verdict of the test that the ending interrupted. */
  verdict: Verdict;
  reason: string;
  /** The suite did not exit by itself. */
  abnormal: boolean;
  code: number | null;
  /** A result has this reason already, so that the ending needs no result besides. */
  reported: boolean;
}

/** `words`: the last ones on standard error, where the suite ended by itself. */
function causeOf(
  { code, signal, timedOut, stuck, guestDied, cutOff }: Ending,
  words: string | undefined,
): Pick<Stop, 'verdict' | 'reason' | 'abnormal'> {
  const byShell = code === null ? undefined : signalOf(code);
  const status = `exit code ${code}${byShell === undefined ? '' : ` (${byShell})`}`;
  const said = words === undefined ? '' : `: ${words}`;
  if (guestDied !== undefined) return { verdict: 'crash', reason: guestDied, abnormal: true };
  if (cutOff !== undefined) return { verdict: 'lost', reason: cutOff, abnormal: true };
  if (stuck !== undefined) return { verdict: 'timeout', reason: stuck, abnormal: true };
  if (timedOut) return { verdict: 'timeout', reason: 'the suite ran out of time', abnormal: true };
  if (signal) return { verdict: 'lost', reason: `the suite was ended by ${signal}${said}`, abnormal: true };
  if (code === null) return { verdict: 'lost', reason: 'the suite gave no exit status', abnormal: true };
  return { verdict: 'lost', reason: `the suite ended with ${status}${said}`, abnormal: false };
}

/** The stop that an ending stands for; nothing has reported it yet. `words`: the suite's last ones on standard error. */
export function stopOf(ending: Ending, words?: string): Stop {
  return { ...causeOf(ending, words), code: ending.code, reported: false };
}

/** A result for the suite's end that no test explains: a death after the last result, or an exit code of failure without one. */
export function endFlaw(
  stop: Stop,
  { anyFailure, onlySkips }: { anyFailure: boolean; onlySkips: boolean },
): TestResult[] {
  const name = '(end of suite)';
  if (stop.abnormal && !stop.reported) return [{ name, verdict: stop.verdict, reason: stop.reason }];
  if (stop.abnormal || stop.code === 0 || anyFailure) return [];
  if (onlySkips && SKIP_CODES.includes(stop.code)) return [];
  return [{ name, verdict: 'fail', reason: `no test failed, but ${stop.reason}` }];
}
