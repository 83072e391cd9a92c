import type { TestResult } from '../model/result.ts';
import type { Verdict } from '../model/verdict.ts';
import { type Frame, missing, namesOf } from './frame.ts';

/** How a suite ended, as its caller saw it. */
export interface Ending {
  /** Exit code; null when a signal ended it or no status arrived. */
  code: number | null;
  signal?: string;
  timedOut?: boolean;
  /** The guest died under the suite, and how (`Kernel panic - not syncing: ...`). */
  guestDied?: string;
  /** Full name of the test that had begun and not ended, if the caller knows it from the console's markers. */
  running?: string;
}

/** What an ending means for the first test that it cost. */
export interface Stop {
  verdict: Verdict;
  reason: string;
  /** The suite did not end by itself. */
  abnormal: boolean;
  code: number | null;
  running?: string;
  /** A result has told of it. */
  told: boolean;
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

export function endOf(ending: Ending): Stop {
  const { code, running } = ending;
  return { ...causeOf(ending), code, told: false, ...(running === undefined ? {} : { running }) };
}

/** Results for what a frame planned and never got; the first of them tells how the suite stopped. */
export function lostOf(frame: Frame, stop?: Stop): TestResult[] {
  const why = frame.bail === undefined ? stop?.reason : `bailed out: ${frame.bail || 'no reason given'}`;
  const reason = `no result arrived${why ? `: ${why}` : ' before its parent ended'}`;
  return namesOf(missing(frame)).map((number, index) => {
    const name = (index === 0 && frame.nextName) || number;
    if (index > 0 || !stop || stop.told || frame.bail !== undefined) return { name, verdict: 'lost', reason };
    stop.told = true;
    return { name, verdict: stop.verdict, reason: stop.abnormal ? stop.reason : reason };
  });
}

/** What is wrong with a frame's own bookkeeping, besides missing tests. */
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

/** The outermost level's: TAP demands a plan there, and a stream without any result proves nothing. */
export function planFlaw(root: Frame, stop: Stop | undefined): TestResult[] {
  if (root.plan || root.bail !== undefined) return [];
  if (root.dialect === 'ktap' && root.count > 0) return [];
  if (stop?.told) return [];
  if (stop) stop.told = true;
  const what = root.count === 0 ? 'no test result arrived' : 'no plan arrived, so more tests may be missing';
  const why = stop && (stop.abnormal || stop.code !== 0) ? `: ${stop.reason}` : '';
  const name = root.nextName ?? `#${root.highest + 1}`;
  return [{ name, verdict: stop?.verdict ?? 'lost', reason: what + why }];
}

/** The suite's own end, where no test tells of it: a death after the last result, or an exit code that no failure explains. */
export function endFlaw(stop: Stop, anyBad: boolean): TestResult[] {
  const name = '(end of suite)';
  if (stop.abnormal && !stop.told) return [{ name, verdict: stop.verdict, reason: stop.reason }];
  if (stop.abnormal || stop.code === 0 || anyBad) return [];
  return [{ name, verdict: 'fail', reason: `exit code ${stop.code}, though no test failed` }];
}
