import type { TestResult } from '../model/result.ts';
import type { Verdict } from '../model/verdict.ts';

/** How a suite ended, as its caller saw it. */
export interface Ending {
  /** Exit code; null when a signal ended the suite or no exit status arrived. */
  code: number | null;
  signal?: string;
  timedOut?: boolean;
  /** How the guest died under the suite (`Kernel panic - not syncing: ...`). */
  guestDied?: string;
  /** What ended the suite, when neither it nor the kernel did: it printed too much, or QEMU was ended from outside. */
  cutOff?: string;
  /** Full name of the test that began and did not end, if the caller knows it from the console's markers. */
  running?: string;
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

function causeOf({
  code,
  signal,
  timedOut,
  guestDied,
  cutOff,
}: Ending): Pick<Stop, 'verdict' | 'reason' | 'abnormal'> {
  if (guestDied !== undefined) return { verdict: 'crash', reason: guestDied, abnormal: true };
  if (cutOff !== undefined) return { verdict: 'lost', reason: cutOff, abnormal: true };
  if (timedOut) return { verdict: 'timeout', reason: 'the suite ran out of time', abnormal: true };
  if (signal) return { verdict: 'lost', reason: `the suite was ended by ${signal}`, abnormal: true };
  if (code === null) return { verdict: 'lost', reason: 'the suite gave no exit status', abnormal: true };
  return { verdict: 'lost', reason: `the suite ended with exit code ${code}`, abnormal: false };
}

/** The stop that an ending stands for; nothing has reported it yet. */
export function stopOf(ending: Ending): Stop {
  return { ...causeOf(ending), code: ending.code, reported: false };
}

/** A result for the suite's end that no test explains: a death after the last result, or an exit code of failure without one. */
export function endFlaw(stop: Stop, anyFailure: boolean): TestResult[] {
  const name = '(end of suite)';
  if (stop.abnormal && !stop.reported) return [{ name, verdict: stop.verdict, reason: stop.reason }];
  if (stop.abnormal || stop.code === 0 || anyFailure) return [];
  return [{ name, verdict: 'fail', reason: `exit code ${stop.code}, though no test failed` }];
}
