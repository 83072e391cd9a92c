import { type Frame, newFrame } from './frame.ts';
import type { Leaves } from './leaves.ts';
import type { TapLine } from './syntax.ts';

/** Most levels that are open, and most that a closed one has below it; KUnit, the deepest here, has three. */
const MAX_DEPTH = 32;
/** Columns of one level of TAP 14. */
const TAP_INDENT = 4;

/** The levels of a stream by indentation. */
export class Levels {
  readonly #leaves: Leaves;
  readonly #abandon: (child: Frame) => void;
  top = newFrame(0, false, 'none');

  /** `abandon` ends a closed level whose result line cannot come any more. */
  constructor(leaves: Leaves, abandon: (child: Frame) => void) {
    this.#leaves = leaves;
    this.#abandon = abandon;
  }

  /** The frame that a line belongs to: closes deeper frames, and opens what the line stands further right. */
  enter(line: TapLine): Frame {
    while (this.top.parent && line.column < this.top.column) {
      if (line.column > this.top.parent.column && this.#place(line)) break;
      this.close();
    }
    if (line.column > this.top.column && this.#depth < MAX_DEPTH) this.open(line);
    this.top.implied = false;
    return this.top;
  }

  /**
   * Opens the level of a line further right. Outside of KTAP, whose levels begin with a version line, each four columns are one level:
   * the first line of a subtest may belong to a subtest of that (TAP 14, Bare Subtests).
   */
  open(line: TapLine): void {
    const { column, commented, dialect } = this.top;
    const isBare = dialect !== 'ktap' && commented === line.commented && line.kind !== 'version';
    const room = MAX_DEPTH - 1 - this.#depth;
    for (let n = 1; isBare && n <= room && column + n * TAP_INDENT < line.column; n++)
      this.#push(column + n * TAP_INDENT, line.commented).implied = true;
    this.#push(line.column, line.commented);
  }

  /** Leaves the innermost frame, which stays as its parent's child until the parent's result line comes. */
  close(): void {
    const child = this.top;
    const { parent } = child;
    if (!parent) return;
    this.top = parent;
    if (child.implied && child.child && isEmpty(child)) this.#lift(child, child.child);
    else this.#adopt(parent, child);
  }

  /** The innermost open frame that a condition holds for. */
  find(condition: (frame: Frame) => boolean): Frame | undefined {
    let frame: Frame | undefined = this.top;
    while (frame && !condition(frame)) frame = frame.parent;
    return frame;
  }

  /** Levels that are open below the outermost one. */
  get #depth(): number {
    let depth = 0;
    for (let at = this.top.parent; at; at = at.parent) depth++;
    return depth;
  }

  #push(column: number, commented: boolean): Frame {
    const parent = this.top;
    if (parent.child) this.#abandon(parent.child);
    parent.child = undefined;
    const frame = newFrame(column, commented, parent.dialect, parent);
    if (parent.nextName !== undefined) {
      frame.name = parent.nextName;
      frame.announced = true;
    }
    parent.nextName = undefined;
    this.top = frame;
    return frame;
  }

  #adopt(parent: Frame, child: Frame): void {
    parent.child = child;
    parent.height = Math.max(parent.height, child.height + 1);
  }

  /**
   * Gives a line a level between the innermost frame and the parent of that: the innermost frame where no line stood at it, else a new
   * one, whose closed child the innermost becomes. False beyond `MAX_DEPTH`.
   */
  #place(line: TapLine): boolean {
    const child = this.top;
    if (child.implied) {
      child.column = line.column;
      return true;
    }
    if (child.height >= MAX_DEPTH) return false;
    const frame = newFrame(line.column, line.commented, child.parent?.dialect ?? 'none', child.parent);
    Object.assign(frame, { leaves: child.leaves, failures: child.failures });
    child.parent = frame;
    this.#adopt(frame, child);
    this.top = frame;
    return true;
  }

  /** Takes out a level at which no line stood. */
  #lift(level: Frame, child: Frame): void {
    const { parent = this.top } = level;
    child.parent = parent;
    this.#adopt(parent, child);
    this.#leaves.lift(level, child);
  }
}

/** True for a level that only has a child. */
const isEmpty = (frame: Frame): boolean => frame.count === 0 && !frame.plan && frame.bail === undefined;
