import type { TestResult } from '../model/result.ts';
import type { Dialect } from './syntax.ts';

/** One level of nesting: a plan and its test lines. */
export interface Frame {
  parent?: Frame;
  column: number;
  commented: boolean;
  dialect: Dialect;
  /** As announced by `# Subtest`; without it the name comes with the parent's result line, after the children. */
  name?: string;
  /** Announced for the next deeper frame. */
  nextName?: string;
  plan?: { count: number; skip?: string };
  bail?: string;
  /** Numbers that results had. */
  seen: Set<number>;
  count: number;
  highest: number;
  /** Leaves below that neither passed nor were skipped or expected to fail. */
  bad: number;
  leaves: number;
  /** Leaves that wait for this frame's name. */
  held: TestResult[];
  /** A closed child whose own result line has not come yet. */
  child?: Frame;
  /** Comment lines since the last result. */
  comments: string[];
}

export function newFrame(column: number, commented: boolean, dialect: Dialect, parent?: Frame): Frame {
  const counts = { count: 0, highest: 0, bad: 0, leaves: 0 };
  const place = { column, commented, dialect, ...(parent ? { parent } : {}) };
  return { ...place, ...counts, seen: new Set(), held: [], comments: [] };
}

/** Has anything been said in this frame yet? */
export function isFresh(frame: Frame): boolean {
  return frame.count === 0 && !frame.plan && !frame.child;
}

/** Notes a result line; gives its number (TAP counts on where a line has none). */
export function countPoint(frame: Frame, given: number | undefined): number {
  const number = given ?? frame.highest + 1;
  frame.seen.add(number);
  frame.count++;
  frame.highest = Math.max(frame.highest, number);
  return number;
}

export interface Range {
  from: number;
  to: number;
}

/**
 * Numbers that were planned, or lie below one that came, and never came. Programs that number wrongly but report as many
 * as they planned miss nothing.
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

/** How many missing tests are named one by one; a damaged plan may speak of billions. */
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
