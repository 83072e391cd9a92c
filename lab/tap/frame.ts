import type { Leaf } from './collect.ts';
import type { Dialect } from './syntax.ts';

/** One level of nesting: a plan and its result lines. */
export interface Frame {
  parent?: Frame;
  column: number;
  commented: boolean;
  dialect: Dialect;
  /** From `# Subtest`; otherwise the name comes with the parent's result line, after the children. */
  name?: string;
  /** Name of the next deeper frame, from the `# Subtest` before it. */
  nextName?: string;
  plan?: { count: number; skip?: string };
  bail?: string;
  /** Numbers of the results so far. */
  seen: Set<number>;
  count: number;
  highest: number;
  /** Leaves of this frame and of deeper ones, and how many of them are failures. */
  leaves: number;
  failures: number;
  /** Leaves that wait for this frame's name. */
  held: Leaf[];
  /** A closed child whose result line in this frame has not come yet. */
  child?: Frame;
  /** Comment lines since the last result. */
  comments: string[];
}

/** An open nesting level without results. */
export function newFrame(column: number, commented: boolean, dialect: Dialect, parent?: Frame): Frame {
  const counts = { count: 0, highest: 0, failures: 0, leaves: 0 };
  const place = { column, commented, dialect, ...(parent ? { parent } : {}) };
  return { ...place, ...counts, seen: new Set(), held: [], comments: [] };
}

/** True while a frame has neither plan, result nor child. */
export function isFresh(frame: Frame): boolean {
  return frame.count === 0 && !frame.plan && !frame.child;
}

/** Begins another plan in a frame, which keeps its results. */
export function restart(frame: Frame, dialect: Dialect): void {
  Object.assign(frame, { dialect, count: 0, highest: 0, seen: new Set() });
  delete frame.plan;
  delete frame.bail;
}

/** Most numbers of results that are remembered, to name the missing ones. */
const MAX_SEEN = 200_000;

/** Counts a result line; returns its number. A line without one has the highest number so far plus one, as TAP counts. */
export function countPoint(frame: Frame, lineNumber: number | undefined): number {
  const number = lineNumber ?? frame.highest + 1;
  if (frame.seen.size < MAX_SEEN) frame.seen.add(number);
  frame.count++;
  frame.highest = Math.max(frame.highest, number);
  return number;
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
  for (const number of [...frame.seen].sort((a, b) => a - b).concat(total + 1)) {
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
