import type { TestResult } from '../model/result.ts';
import type { AnnouncedTests } from './announced.ts';
import type { Stop } from './ending.ts';
import { flawsOf, lostOf, planFlaw } from './flaws.ts';
import { countPoint, type Frame, isFresh, newFrame, restart } from './frame.ts';
import type { Leaves } from './leaves.ts';
import { resultName } from './point.ts';
import type { Dialect, TapLine } from './syntax.ts';

/** Most levels; a line further right belongs to the innermost one. KUnit, the deepest here, has three. */
const MAX_DEPTH = 32;

/**
 * The levels of a stream. All four nestings (TAP 14, KTAP, KUnit, kselftest) share what this relies on: a child's lines stand
 * further right than its parent's, and the parent's result line comes after them.
 */
export class Nesting {
  readonly #leaves: Leaves;
  #top = newFrame(0, false, 'none');

  /** Levels that are open below the outermost one. */
  get #depth(): number {
    let depth = 0;
    for (let at = this.#top.parent; at; at = at.parent) depth++;
    return depth;
  }

  constructor(leaves: Leaves) {
    this.#leaves = leaves;
  }

  /** The innermost open frame. */
  get top(): Frame {
    return this.#top;
  }

  /** The frame that a TAP line belongs to: closes deeper frames, and opens a new one where the line stands further right. */
  enter(line: TapLine): Frame {
    while (this.#top.parent && line.column < this.#top.column) this.#close();
    if (line.column > this.#top.column && this.#depth < MAX_DEPTH) this.#open(line);
    return this.#top;
  }

  version(line: TapLine, dialect: Dialect): void {
    const root = !this.#top.parent;
    // A level that has its version line already is the parent of a version line further right.
    if (root && !line.commented && isFresh(this.#top) && this.#top.dialect === 'none')
      this.#top.column = line.column;
    const frame = this.enter(line);
    if (isFresh(frame)) {
      frame.dialect = dialect;
    } else if (!frame.parent) {
      this.#closeNested();
      this.#closeRoot();
      this.#top = newFrame(line.column, line.commented, dialect);
    } else if (frame.parent.dialect === 'tap14' && frame.name !== undefined) {
      // Another child would have been announced: a script runs several programs that speak TAP.
      this.#deliverMissing(frame);
      restart(frame, dialect);
    } else {
      // The parent's result line was lost on the way: another child begins.
      this.#close();
      this.#open(line);
      this.#top.dialect = dialect;
    }
  }

  /** Names the frame that just began (KUnit), or announces the name of the next deeper one (TAP 14, kselftest). */
  subtest(line: TapLine, text: string): void {
    const before = this.#top;
    const frame = this.enter(line);
    const name = resultName(text);
    const opened = frame !== before && frame.parent === before;
    if (frame.parent && frame.name === undefined && (opened || isFresh(frame))) frame.name = name;
    else frame.nextName = name;
  }

  /**
   * Handles a result line of `frame` that closes a child: names the child's leaves. Returns true when the line is a result
   * itself, because it says more than the leaves do: it failed though none of them did, or there are none.
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
    if (result.verdict === 'fail') return child.failures === 0;
    return result.verdict === 'timeout';
  }

  /** Ends every frame, at the end of the stream. Announced tests that gave no result are lost. */
  closeAll(stop: Stop, announced: AnnouncedTests): void {
    this.#closeNested(stop);
    const root = this.#top;
    const lost = announced.lost(root, stop);
    for (const result of lost.results) this.#leaves.deliver(root, result);
    this.#closeRoot(stop, announced.any ? lost.count : undefined);
  }

  /** Ends every frame but the outermost. */
  #closeNested(stop?: Stop): void {
    while (this.#top.parent) {
      this.#abandon(this.#top, stop);
      this.#top = this.#top.parent;
    }
    if (this.#top.child) this.#abandon(this.#top.child, stop);
  }

  /**
   * Ends the outermost frame. `lostByName`: how many announced tests have been reported as lost; undefined where the suite
   * announced none, and only the plan line shows whether tests are missing.
   */
  #closeRoot(stop?: Stop, lostByName?: number): void {
    const root = this.#top;
    const skip = root.plan?.skip;
    if (skip !== undefined && root.leaves === 0) {
      this.#leaves.deliver(root, { name: '(all)', verdict: 'skip', reason: skip });
    }
    this.#settle(root, '', stop, lostByName);
    if (lostByName !== undefined) return;
    for (const flaw of planFlaw(root, stop)) this.#leaves.deliver(root, flaw);
  }

  #open(line: TapLine): void {
    const parent = this.#top;
    if (parent.child) this.#abandon(parent.child);
    parent.child = undefined;
    const frame = newFrame(line.column, line.commented, parent.dialect, parent);
    if (parent.nextName !== undefined) frame.name = parent.nextName;
    parent.nextName = undefined;
    this.#top = frame;
  }

  /** Leaves the innermost frame, which stays as its parent's child until the parent's result line comes. */
  #close(): void {
    const child = this.#top;
    if (!child.parent) return;
    this.#top = child.parent;
    this.#top.child = child;
  }

  /** Ends a child whose parent's result line did not come. */
  #abandon(child: Frame, stop?: Stop): void {
    const { parent } = child;
    if (!parent) return;
    if (child.child) this.#abandon(child.child, stop);
    const number = countPoint(parent, undefined);
    const name = child.name ?? `#${number}`;
    this.#settle(child, name, stop);
    parent.child = undefined;
    if (child.failures > 0) return;
    const reason = `it ended before its own result${stop ? `: ${stop.reason}` : ''}`;
    const verdict = stop && !stop.reported ? stop.verdict : 'lost';
    if (stop) stop.reported = true;
    this.#leaves.deliver(parent, { name, verdict, reason });
  }

  /** Ends a frame: delivers its missing tests and flaws, then the leaves that waited for its name. */
  #settle(frame: Frame, name: string, stop?: Stop, lostByName = 0): void {
    this.#deliverMissing(frame, stop, lostByName);
    if (frame.parent) this.#leaves.name(frame, name);
  }

  #deliverMissing(frame: Frame, stop?: Stop, lostByName = 0): void {
    const lost = lostOf(frame, stop, lostByName);
    for (const result of [...lost, ...flawsOf(frame, lost.length + lostByName)])
      this.#leaves.deliver(frame, result);
  }
}
