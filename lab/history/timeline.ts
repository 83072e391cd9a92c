import { isMixed, type Rate } from '../model/rate.ts';
import type { Outcome } from './outcome.ts';

/** One result of a test in a timeline. */
export interface TimelinePoint {
  outcome: Outcome;
  /** How often it failed in this run. */
  failed: number;
  runs: number;
  /** Which kernel with which suite: two outcomes on one of them make a test flaky. Null where the kernel's build is not known. */
  build: string | null;
}

/** What the results of a test over time say. */
export interface Summary<P> {
  /** Boots that failed, of all that gave an outcome. */
  rate: Rate;
  /** The last outcome, and in how many runs in a row the test had it. Absent where no run gave an outcome. */
  streak?: { outcome: 'pass' | 'fail'; runs: number };
  /** How often the outcome changed from run to run. */
  flips: number;
  /** Of a test that fails: the first run of the streak of failures. */
  failsSince?: P;
  /** The last run before, in which it passed; absent where none did. */
  passedLast?: P;
  /** Both outcomes on one build. */
  flaky: boolean;
}

const sum = (points: readonly TimelinePoint[]): Rate =>
  points.reduce((rate, { failed, runs }) => ({ failed: rate.failed + failed, runs: rate.runs + runs }), {
    failed: 0,
    runs: 0,
  });

/** Whether results on one build have both outcomes. */
export function isFlakyIn(points: readonly TimelinePoint[]): boolean {
  const builds = new Set(points.map(({ build }) => build));
  builds.delete(null);
  return [...builds].some((build) => isMixed(sum(points.filter((point) => point.build === build))));
}

/** Sums up the results of a test, oldest first. Results without an outcome end no streak. */
export function summaryOf<P extends TimelinePoint>(points: readonly P[]): Summary<P> {
  const seen = points.filter(({ outcome }) => outcome !== 'none');
  const flips = seen.filter(({ outcome }, index) => index > 0 && seen[index - 1]?.outcome !== outcome).length;
  const last = seen.at(-1);
  const start = seen.findLastIndex(({ outcome }) => outcome !== last?.outcome) + 1;
  const [first, passed] = [seen[start], seen[start - 1]];
  return {
    rate: sum(points),
    flips,
    flaky: isFlakyIn(points),
    ...(last && last.outcome !== 'none'
      ? { streak: { outcome: last.outcome, runs: seen.length - start } }
      : {}),
    ...(last?.outcome === 'fail' && first ? { failsSince: first } : {}),
    ...(last?.outcome === 'fail' && passed ? { passedLast: passed } : {}),
  };
}
