import type { TestResult } from '../model/result.ts';
import type { AnnouncedTests } from './announced.ts';
import { unescaped } from './directive.ts';
import type { Stop } from './ending.ts';
import { flawsOf, lostOf, NO_TESTS, planFlaw } from './flaws.ts';
import { type Frame, type FramePlan, isFresh, newFrame, restart } from './frame.ts';
import type { Leaves } from './leaves.ts';
import { Levels } from './levels.ts';
import { countPoint } from './numbers.ts';
import { resultName } from './point.ts';
import type { Dialect, TapLine } from './syntax.ts';

/**
 * What the lines of a stream mean for its levels. All four nestings (TAP 14, KTAP, KUnit, kselftest) share what this relies on: a
 * child's lines stand further right than its parent's, and the parent's result line comes after them.
 */
export class Nesting {
  readonly #leaves: Leaves;
  readonly #levels: Levels;

  constructor(leaves: Leaves) {
    this.#leaves = leaves;
    this.#levels = new Levels(leaves, (child) => this.#abandon(child));
  }

  /** The innermost open frame. */
  get top(): Frame {
    return this.#levels.top;
  }

  /** The frame that a TAP line belongs to: closes deeper frames, and opens a new one where the line stands further right. */
  enter(line: TapLine): Frame {
    return this.#levels.enter(line);
  }

  /** Whether a level is open at a column. */
  isOpenAt(column: number): boolean {
    return this.#levels.find((frame) => frame.column === column) !== undefined;
  }

  /** The open frame at a column that is reading the subtest of a result line with a brace. */
  bufferedAt(column: number): Frame | undefined {
    return this.#levels.find((frame) => frame.column === column && frame.buffered !== undefined);
  }

  version(line: TapLine, dialect: Dialect): void {
    const { top } = this;
    // A level that has its version line already is the parent of a version line further right.
    if (!top.parent && !line.commented && isFresh(top) && top.dialect === 'none') top.column = line.column;
    const frame = this.enter(line);
    if (isFresh(frame)) {
      this.#confirmName(frame);
      frame.dialect = dialect;
    } else if (!frame.parent) {
      this.#closeNested();
      this.#closeRoot();
      this.#levels.top = newFrame(line.column, line.commented, dialect);
    } else if (frame.announced || frame.commented) {
      // Another child would have been announced: a script runs several programs that speak TAP.
      this.#restart(frame, dialect);
    } else {
      // The parent's result line was lost on the way: another child begins.
      this.#levels.close();
      this.#levels.open(line);
      this.top.dialect = dialect;
    }
  }

  /** A plan line. A second plan in a frame begins another stream if the next result counts from 1 again. */
  plan(line: TapLine, plan: FramePlan): void {
    const frame = this.enter(line);
    this.#confirmName(frame);
    const { count, reason } = plan;
    const read = { count, ...(reason === undefined ? {} : { reason: unescaped(reason, frame.dialect) }) };
    if (!frame.plan) frame.plan = read;
    else frame.nextPlan ??= read;
  }

  /** The frame of a result line, which the line's number may begin another stream in. */
  enterPoint(line: TapLine & { kind: 'point' }): Frame {
    const frame = this.enter(line);
    const { plan, nextPlan, count, dialect } = frame;
    const isFirst = line.number === undefined ? count >= (plan?.count ?? 0) : line.number === 1;
    if (nextPlan && count > 0 && isFirst) {
      delete frame.nextPlan;
      this.#restart(frame, dialect);
      frame.plan = nextPlan;
    }
    this.#deliverBuffered(frame);
    this.#confirmName(frame);
    return frame;
  }

  /** Names the frame that just began (KUnit), or announces the name of the next deeper one (TAP 14, kselftest). */
  subtest(line: TapLine, text: string): void {
    const before = this.top;
    const frame = this.enter(line);
    const name = resultName(unescaped(text, frame.dialect));
    const opened = frame !== before && frame.parent === before;
    const isFirst = frame.maybeName === undefined && (opened ? !before.buffered : isFresh(frame));
    if (!frame.parent || frame.name !== undefined || !isFirst) {
      this.#confirmName(frame);
      frame.nextName = name;
    } else if (frame.dialect === 'ktap') frame.name = name;
    else frame.maybeName = name;
  }

  /** A line of the frame shows that the comment with which it began names the frame. */
  #confirmName(frame: Frame): void {
    if (frame.maybeName !== undefined && frame.height === 0) frame.name ??= frame.maybeName;
  }

  /**
   * Handles a result line of `frame` that closes a child: names the child's leaves. Returns true when the line is a result
   * itself, because it says more than the leaves do: it failed though none of them did, or there are none.
   */
  summarise(frame: Frame, result: TestResult): boolean {
    const child = frame.child;
    if (!child) return true;
    frame.child = undefined;
    if (child.child) this.#abandon(child.child);
    this.#settle(child, child.name ?? result.name);
    if (child.leaves === 0) {
      const title = child.name ?? child.maybeName;
      const isEmpty = child.plan ? child.plan.count === 0 : child.count === 0 && title === result.name;
      if (isEmpty && result.verdict === 'pass') Object.assign(result, emptyResult(child));
      return true;
    }
    if (result.verdict === 'fail') return child.failures === 0;
    return result.verdict === 'timeout';
  }

  /** Ends every frame, at the end of the stream. Announced tests that gave no result are lost. */
  closeAll(stop: Stop, announced: AnnouncedTests): void {
    this.#closeNested(stop);
    const root = this.top;
    const lost = announced.lost(root, stop);
    for (const result of lost.results) this.#leaves.deliver(root, result);
    this.#closeRoot(stop, announced.any ? lost.count : undefined);
  }

  /** Ends every frame but the outermost. */
  #closeNested(stop?: Stop): void {
    while (this.top.parent) {
      this.#abandon(this.top, stop);
      this.#levels.top = this.top.parent;
    }
    if (this.top.child) this.#abandon(this.top.child, stop);
  }

  /**
   * Ends the outermost frame. `lostByName`: how many announced tests have been reported as lost; undefined where the suite
   * announced none, and only the plan line shows whether tests are missing.
   */
  #closeRoot(stop?: Stop, lostByName?: number): void {
    const root = this.top;
    if (root.plan?.count === 0 && root.leaves === 0) {
      const { reason } = root.plan;
      if (reason === undefined && stop) stop.reported = true;
      const verdict = reason === undefined ? 'lost' : 'skip';
      this.#leaves.deliver(root, { name: '(all)', verdict, reason: reason ?? NO_TESTS });
    }
    this.#settle(root, '', stop, lostByName);
    if (lostByName !== undefined) return;
    for (const flaw of planFlaw(root, stop)) this.#leaves.deliver(root, flaw);
  }

  /** Begins another stream in a frame. */
  #restart(frame: Frame, dialect: Dialect): void {
    if (frame.child) this.#abandon(frame.child);
    this.#deliverMissing(frame);
    restart(frame, dialect);
  }

  /** Ends a child whose parent's result line did not come. */
  #abandon(child: Frame, stop?: Stop): void {
    const { parent } = child;
    if (!parent) return;
    if (child.child) this.#abandon(child.child, stop);
    const number = countPoint(parent, undefined);
    const name = child.name ?? child.maybeName ?? `#${number}`;
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
    this.#deliverBuffered(frame);
    this.#deliverMissing(frame, stop, lostByName);
    if (frame.parent) this.#leaves.name(frame, name);
  }

  /** A brace that no other closes was part of a name: the line is an ordinary result. */
  #deliverBuffered(frame: Frame): void {
    if (frame.buffered) this.#leaves.deliver(frame, frame.buffered.result);
    delete frame.buffered;
  }

  #deliverMissing(frame: Frame, stop?: Stop, lostByName = 0): void {
    const lost = lostOf(frame, stop, lostByName);
    for (const result of [...lost, ...flawsOf(frame, lost.length + lostByName)])
      this.#leaves.deliver(frame, result);
  }
}

/** What a passing parent is whose child ran no test: TAP 14 takes a plan of none for a skip, KTAP for an error. */
function emptyResult({ plan, dialect }: Frame): Pick<TestResult, 'verdict' | 'reason'> {
  const isSkip = plan?.reason !== undefined || dialect === 'tap14';
  return { verdict: isSkip ? 'skip' : 'lost', reason: plan?.reason ?? NO_TESTS };
}
