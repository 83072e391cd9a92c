import type { Frame } from './frame.ts';

/** Most numbers of results that are remembered, to name the missing and the repeated ones. */
const MAX_SEEN = 200_000;
/** Most numbers that a flaw lists. */
const MAX_LISTED = 5;

/** Counts a result line; returns its number. A line without one has the highest number so far plus one, as TAP counts. */
export function countPoint(frame: Frame, lineNumber: number | undefined): number {
  const number = lineNumber ?? frame.highest + 1;
  const isGiven = lineNumber !== undefined;
  if (isGiven && frame.seen.get(number) && frame.repeated.size < MAX_LISTED) frame.repeated.add(number);
  fillNumber(frame, number, isGiven);
  return number;
}

/** Counts a result for a test number that no result line has. */
export function fillNumber(frame: Frame, number: number, isGiven = false): void {
  if (frame.seen.size < MAX_SEEN) frame.seen.set(number, isGiven || (frame.seen.get(number) ?? false));
  frame.count++;
  frame.highest = Math.max(frame.highest, number);
}

/** A few of the numbers on result lines that lie outside of the plan. TAP counts from 1. */
export function outsidePlan({ seen, plan }: Frame): number[] {
  const isOutside = ([number, isGiven]: [number, boolean]) =>
    isGiven && (number < 1 || (plan !== undefined && number > plan.count));
  return [...seen]
    .filter(isOutside)
    .map(([number]) => number)
    .slice(0, MAX_LISTED);
}

/** Test numbers, both ends included. */
export interface Range {
  from: number;
  to: number;
}

/**
 * Test numbers without a result that were planned, or lie below the highest number if there is no plan. A program that numbers
 * its results wrongly but reports as many as it planned misses none.
 */
export function missing(frame: Frame): Range[] {
  const total = Math.max(frame.plan?.count ?? 0, frame.plan ? 0 : frame.highest);
  let left = total - frame.count;
  const ranges: Range[] = [];
  let next = 1;
  for (const number of [...frame.seen.keys()].sort((a, b) => a - b).concat(total + 1)) {
    const size = Math.min(number, total + 1) - next;
    if (size > 0 && left > 0) ranges.push({ from: next, to: next + Math.min(size, left) - 1 });
    if (size > 0) left -= size;
    next = Math.max(next, number + 1);
  }
  return ranges;
}

/** The ranges less their first `count` numbers. */
export function withoutFirst(ranges: readonly Range[], count: number): Range[] {
  let left = count;
  return ranges.flatMap(({ from, to }) => {
    const skipped = Math.min(left, to - from + 1);
    left -= skipped;
    return from + skipped > to ? [] : [{ from: from + skipped, to }];
  });
}

/** Most missing tests that get a result each: a damaged plan may announce billions. */
const MAX_NAMED = 1000;

/** Names of missing tests: `#7`, and beyond the first thousand the rest of a range as `#1001..#5000`. */
export function namesOf(ranges: readonly Range[]): string[] {
  const names: string[] = [];
  for (const { from, to } of ranges) {
    let number = from;
    while (number <= to && names.length < MAX_NAMED) names.push(`#${number++}`);
    if (number < to) names.push(`#${number}..#${to}`);
    else if (number === to) names.push(`#${number}`);
  }
  return names;
}
