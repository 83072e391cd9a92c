import type { TestResult } from '../model/result.ts';
import type { Leaf } from './collect.ts';
import type { Dialect } from './syntax.ts';

/** A result whose YAML block and comments may still come. */
export interface HeldResult {
  result: Leaf;
  frame: Frame;
  /** The line only summarises its children and is no result. */
  isSummary: boolean;
  /** The YAML block has been read, so that the comments after it belong to the result. */
  hasYaml: boolean;
  /** What the result is if a subtest in braces follows. */
  parent?: TestResult;
}

/** How many tests a level announces; of none, why. */
export interface FramePlan {
  count: number;
  reason?: string;
}

/** One level of nesting: a plan and its result lines. */
export interface Frame {
  parent?: Frame;
  column: number;
  commented: boolean;
  dialect: Dialect;
  /** From `# Subtest`; otherwise the name comes with the parent's result line, after the children. */
  name?: string;
  /**
   * From a `# Subtest` with which the frame begins: its name (KUnit), or that of a subtest in it (TAP 14). A plan or a result of the
   * frame before any subtest decides; else the names come with the result lines.
   */
  maybeName?: string;
  /** The parent announced it by name: another child would have been announced too. */
  announced?: boolean;
  /** No line stood at this level: it is one of several that a line further right opened at once. */
  implied?: boolean;
  /** Levels of closed children below this one. */
  height: number;
  /** Name of the next deeper frame, from the `# Subtest` before it. */
  nextName?: string;
  plan?: FramePlan;
  /** Another plan after that, which begins a second stream if results follow. */
  nextPlan?: FramePlan;
  bail?: string;
  /** Numbers of the results so far, and whether their lines had them. */
  seen: Map<number, boolean>;
  /** A few of the numbers that several results had. */
  repeated: Set<number>;
  count: number;
  highest: number;
  /** Leaves of this frame and of deeper ones, and how many of them are failures. */
  leaves: number;
  failures: number;
  /** Leaves that wait for this frame's name. */
  held: Leaf[];
  /** A closed child whose result line in this frame has not come yet. */
  child?: Frame;
  /** A result line that ends in a brace, whose children are being read; it is an ordinary one if no closing brace comes. */
  buffered?: HeldResult;
  /** Comment lines since the last result. */
  comments: string[];
}

/** An open nesting level without results. */
export function newFrame(column: number, commented: boolean, dialect: Dialect, parent?: Frame): Frame {
  const counts = { count: 0, highest: 0, failures: 0, leaves: 0, height: 0 };
  const place = { column, commented, dialect, ...(parent ? { parent } : {}) };
  return { ...place, ...counts, seen: new Map(), repeated: new Set(), held: [], comments: [] };
}

/** True while a frame has neither plan, result nor child. */
export function isFresh(frame: Frame): boolean {
  return frame.count === 0 && !frame.plan && !frame.child;
}

/** Begins another plan in a frame, which keeps its results. */
export function restart(frame: Frame, dialect: Dialect): void {
  Object.assign(frame, { dialect, count: 0, highest: 0, seen: new Map(), repeated: new Set() });
  delete frame.plan;
  delete frame.nextPlan;
  delete frame.bail;
}
