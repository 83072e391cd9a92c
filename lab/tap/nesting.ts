import type { TestResult } from '../model/result.ts';
import { isFailure } from '../model/verdict.ts';
import { flawsOf, lostOf, planFlaw, type Stop } from './ending.ts';
import { countPoint, type Frame, isFresh, missing, newFrame } from './frame.ts';
import type { Dialect, TapLine } from './syntax.ts';

/**
 * The levels of a stream. All four nestings have one thing in common, and it is all that this relies on: a child's lines stand
 * further right than its parent's, and the parent's own result line comes after them.
 */
export class Nesting {
  readonly #emit: (result: TestResult) => void;
  #top = newFrame(0, false, 'none');

  constructor(emit: (result: TestResult) => void) {
    this.#emit = emit;
  }

  get top(): Frame {
    return this.#top;
  }

  /** The frame that a TAP line belongs to: deeper ones are shut, a new one is opened where the line stands further right. */
  enter(line: TapLine): Frame {
    while (this.#top.parent && line.column < this.#top.column) this.#shut();
    if (line.column > this.#top.column) this.#open(line);
    return this.#top;
  }

  version(line: TapLine, dialect: Dialect): void {
    const root = !this.#top.parent;
    if (root && !line.commented && isFresh(this.#top)) this.#top.column = line.column;
    const frame = this.enter(line);
    if (isFresh(frame)) {
      frame.dialect = dialect;
    } else if (!frame.parent) {
      this.closeRoot();
      this.#top = newFrame(line.column, line.commented, dialect);
    } else {
      // The parent's result line was lost on the way: another child begins.
      this.#shut();
      this.#open(line);
      this.#top.dialect = dialect;
    }
  }

  /** Names the frame that just began (KUnit), or announces the name of the next deeper one (TAP 14, kselftest). */
  subtest(line: TapLine, name: string): void {
    const before = this.#top;
    const frame = this.enter(line);
    const opened = frame !== before && frame.parent === before;
    if (frame.parent && frame.name === undefined && (opened || isFresh(frame))) frame.name = name;
    else frame.nextName = name;
  }

  /**
   * A result line of `frame` that closes a child: names the child's leaves. Tells whether the line is a result of its own:
   * it says more than the leaves do (it failed though none of them did, or there are none).
   */
  summarise(frame: Frame, result: TestResult): boolean {
    const child = frame.child;
    if (!child) return true;
    frame.child = undefined;
    this.#settle(child, child.name ?? result.name);
    if (child.leaves === 0) {
      if (child.plan?.skip !== undefined && result.verdict === 'pass') {
        Object.assign(result, { verdict: 'skip', reason: child.plan.skip });
      }
      return true;
    }
    if (result.verdict === 'fail') return child.bad === 0;
    return result.verdict === 'timeout';
  }

  /** Hands a leaf upwards, its name growing; where an ancestor has no name yet it waits there. */
  deliver(frame: Frame, result: TestResult): void {
    for (let at: Frame | undefined = frame; at; at = at.parent) {
      at.leaves++;
      if (isFailure(result.verdict)) at.bad++;
    }
    this.#rise(frame, result);
  }

  /** Shuts every open frame at the stream's end. */
  closeAll(stop: Stop): void {
    while (this.#top.parent) {
      this.#shutChild(this.#top, stop);
      this.#top = this.#top.parent;
    }
    this.closeRoot(stop);
  }

  /** Takes one missing test of the innermost frame away: the caller knows its name. */
  claim(): void {
    const [first] = missing(this.#top);
    if (first) countPoint(this.#top, first.from);
    for (let at: Frame | undefined = this.#top; at; at = at.parent) {
      at.bad++;
      at.leaves++;
    }
  }

  closeRoot(stop?: Stop): void {
    const root = this.#top;
    if (root.child) this.#shutChild(root.child, stop);
    const skip = root.plan?.skip;
    if (skip !== undefined && root.leaves === 0) {
      this.deliver(root, { name: '(all)', verdict: 'skip', reason: skip });
    }
    this.#settle(root, '', stop);
    for (const flaw of planFlaw(root, stop)) this.deliver(root, flaw);
  }

  #open(line: TapLine): void {
    const parent = this.#top;
    if (parent.child) this.#shutChild(parent.child);
    parent.child = undefined;
    const frame = newFrame(line.column, line.commented, parent.dialect, parent);
    if (parent.nextName !== undefined) frame.name = parent.nextName;
    parent.nextName = undefined;
    this.#top = frame;
  }

  /** Goes up one level; the child stays until its parent's result line comes. */
  #shut(): void {
    const child = this.#top;
    if (!child.parent) return;
    this.#top = child.parent;
    this.#top.child = child;
  }

  /** Gives up on a child whose parent's result line did not come. */
  #shutChild(child: Frame, stop?: Stop): void {
    const { parent } = child;
    if (!parent) return;
    if (child.child) this.#shutChild(child.child, stop);
    const number = countPoint(parent, undefined);
    const name = child.name ?? `#${number}`;
    this.#settle(child, name, stop);
    parent.child = undefined;
    if (child.bad > 0) return;
    const reason = `it ended before its own result${stop ? `: ${stop.reason}` : ''}`;
    const verdict = stop && !stop.told ? stop.verdict : 'lost';
    if (stop) stop.told = true;
    this.deliver(parent, { name, verdict, reason });
  }

  /** Ends a frame: what it misses is told, and what waited for its name goes up. */
  #settle(frame: Frame, name: string, stop?: Stop): void {
    const lost = lostOf(frame, stop);
    for (const result of [...lost, ...flawsOf(frame, lost.length)]) this.deliver(frame, result);
    if (!frame.parent) return;
    frame.name = name;
    for (const result of frame.held.splice(0)) this.#rise(frame, result);
  }

  #rise(frame: Frame, result: TestResult): void {
    let { name } = result;
    for (let at = frame; at.parent; at = at.parent) {
      if (at.name === undefined) {
        at.held.push({ ...result, name });
        return;
      }
      name = `${at.name} > ${name}`;
    }
    this.#emit({ ...result, name });
  }
}
