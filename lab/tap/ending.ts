import type { TestResult } from '../model/result.ts';
import type { Verdict } from '../model/verdict.ts';
import { type Frame, missing, namesOf, withoutFirst } from './frame.ts';

/** How a suite ended, as its caller saw it. */
export interface Ending {
  /** Exit code; null when a signal ended the suite or no exit status arrived. */
  code: number | null;
  signal?: string;
  timedOut?: boolean;
  /** How the guest died under the suite (`Kernel panic - not syncing: ...`). */
  guestDied?: string;
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
}: Ending): Pick<Stop, 'verdict' | 'reason' | 'abnormal'> {
  if (guestDied !== undefined) return { verdict: 'crash', reason: guestDied, abnormal: true };
  if (timedOut) return { verdict: 'timeout', reason: 'the suite ran out of time', abnormal: true };
  if (signal) return { verdict: 'lost', reason: `the suite was ended by ${signal}`, abnormal: true };
  if (code === null) return { verdict: 'lost', reason: 'the suite gave no exit status', abnormal: true };
  return { verdict: 'lost', reason: `the suite ended with exit code ${code}`, abnormal: false };
}

/** The stop that an ending stands for; nothing has reported it yet. */
export function stopOf(ending: Ending): Stop {
  return { ...causeOf(ending), code: ending.code, reported: false };
}

/**
 * Results for the tests that a frame planned and that gave none. The first of them carries what ended the suite, unless another
 * result does. `lostByName`: so many of the missing tests have a result already, under their announced names.
 */
export function lostOf(frame: Frame, stop?: Stop, lostByName = 0): TestResult[] {
  const cause = frame.bail === undefined ? stop?.reason : `bailed out: ${frame.bail || 'no reason given'}`;
  const reason = `no result arrived${cause ? `: ${cause}` : ' before its parent ended'}`;
  return namesOf(withoutFirst(missing(frame), lostByName)).map((number, index) => {
    const name = (index === 0 && frame.nextName) || number;
    if (index > 0 || !stop || stop.reported || frame.bail !== undefined)
      return { name, verdict: 'lost', reason };
    stop.reported = true;
    return { name, verdict: stop.verdict, reason: stop.abnormal ? stop.reason : reason };
  });
}

/** Results for contradictions in a frame besides missing tests: more results than planned, or a bail-out that cost no test. */
export function flawsOf(frame: Frame, lost: number): TestResult[] {
  const flaws: TestResult[] = [];
  const planned = frame.plan?.count;
  if (planned !== undefined && frame.count > planned && !(planned === 0 && frame.count === 0)) {
    const reason = `${planned} tests were planned, ${frame.count} reported`;
    flaws.push({ name: '(plan)', verdict: 'fail', reason });
  }
  if (frame.bail !== undefined && lost === 0) {
    flaws.push({ name: '(bail out)', verdict: 'fail', reason: frame.bail || 'no reason given' });
  }
  return flaws;
}

/** A result for the missing plan of the outermost frame: TAP demands a plan there, and a stream without any result proves nothing. */
export function planFlaw(root: Frame, stop: Stop | undefined): TestResult[] {
  if (root.plan || root.bail !== undefined) return [];
  if (root.dialect === 'ktap' && root.count > 0) return [];
  if (stop?.reported) return [];
  if (stop) stop.reported = true;
  const flaw = root.count === 0 ? 'no test result arrived' : 'no plan arrived, so more tests may be missing';
  const cause = stop && (stop.abnormal || stop.code !== 0) ? `: ${stop.reason}` : '';
  const name = root.nextName ?? `#${root.highest + 1}`;
  return [{ name, verdict: stop?.verdict ?? 'lost', reason: flaw + cause }];
}

/** A result for the suite's end that no test explains: a death after the last result, or an exit code of failure without one. */
export function endFlaw(stop: Stop, anyFailure: boolean): TestResult[] {
  const name = '(end of suite)';
  if (stop.abnormal && !stop.reported) return [{ name, verdict: stop.verdict, reason: stop.reason }];
  if (stop.abnormal || stop.code === 0 || anyFailure) return [];
  return [{ name, verdict: 'fail', reason: `exit code ${stop.code}, though no test failed` }];
}
