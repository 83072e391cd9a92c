import type { TestResult } from '../model/result.ts';
import { isFailure } from '../model/verdict.ts';
import { unescaped, withoutBrace } from './directive.ts';
import type { HeldResult } from './frame.ts';
import { explain, takeComments } from './held.ts';
import type { Leaves } from './leaves.ts';
import { Nesting } from './nesting.ts';
import { countPoint } from './numbers.ts';
import { addYaml, readPoint, stderrIn } from './point.ts';
import { shorten } from './shorten.ts';
import { readLine, type TapLine } from './syntax.ts';
import { YamlBlock } from './yaml.ts';

/** Comment lines kept before one result; later ones push older ones out. */
const MAX_COMMENTS = 100;
/** Most characters kept of a comment line. */
const MAX_COMMENT = 4000;
/** Most failures of one program that its standard error is added to. */
const MAX_UNEXPLAINED = 10;

/** What a reader tells of the lines that it reads. */
export interface ReaderHooks {
  /** A result line; `failedName` is its name if it failed. Returns the number that the result is to have. */
  point: (name: string, failedName: string | undefined) => number;
  /** An announcement of a test before the first result. */
  announce: (announcement: TapLine & { kind: 'announcement' }) => void;
  /** The result line of a subtest at the outermost level, whose leaves have longer names. */
  summary: (name: string) => void;
  /** Standard error of a program, with the numbers of its failures that nothing explains. */
  stderr: (points: readonly number[], text: string) => void;
}

/** Reads the lines of a stream, without the prefixes of a log, and passes on the results of its leaves. */
export class TapReader {
  readonly nesting: Nesting;
  readonly #leaves: Leaves;
  readonly #hooks: ReaderHooks;
  /** The newest result line, held back until no YAML can follow. */
  #held: HeldResult | undefined;
  #yaml: YamlBlock | undefined;
  /** Failures without detail below the level that is outermost. */
  #unexplained: number[] = [];
  #anyPoint = false;
  #anyPlan = false;

  constructor(leaves: Leaves, hooks: ReaderHooks) {
    this.nesting = new Nesting(leaves);
    this.#leaves = leaves;
    this.#hooks = hooks;
  }

  /** Whether a result or a plan has been read: a version line alone is none, since kselftest's comments begin with one too. */
  get anyTap(): boolean {
    return this.#anyPoint || this.#anyPlan;
  }

  /** Takes the next line. */
  take(text: string): void {
    const line = readLine(text);
    if (this.#yaml) {
      const outcome = this.#yaml.take(text, line);
      if (outcome === 'taken') return;
      this.#endYaml();
      if (outcome === 'end') return;
    }
    if (line.kind === 'comment') this.#comment(line.text);
    else if (line.kind === 'announcement') this.#announce(line, text);
    else if (line.kind === 'other') this.#other(line);
    else if (line.kind === 'open') this.#open(line);
    else if (line.kind === 'close') this.#close(line);
    else if (this.#isTap(line)) this.#tap(line);
    else if (line.commented) this.#comment(commentText(text));
  }

  /** Passes on the result that still waits for what may explain it. */
  release(): void {
    this.#endYaml();
    this.#flush();
  }

  /** Whether a line is TAP here: results without a number on a kernel's console and results inside a comment are so in some places only. */
  #isTap(line: TapLine): boolean {
    const { dialect, commented, nextName } = this.nesting.top;
    if (line.commented && !commented && line.kind !== 'version') {
      // kselftest announces a program, whose output follows in comments.
      if (dialect === 'tap14' || nextName === undefined) return false;
      if (line.kind !== 'plan' && line.kind !== 'point') return false;
      return line.kind === 'plan' || line.number !== undefined;
    }
    if (line.kind !== 'point' || line.number !== undefined || dialect !== 'ktap') return true;
    return this.nesting.isOpenAt(line.column);
  }

  #tap(line: TapLine): void {
    const held = this.#held;
    if (held?.parent && line.column > held.frame.column) {
      held.frame.buffered = held;
      this.#held = undefined;
    }
    if (line.kind === 'point') {
      this.#point(line);
      return;
    }
    this.#flush();
    if (line.kind === 'version') this.nesting.version(line, line.dialect);
    else if (line.kind === 'subtest') this.nesting.subtest(line, line.name);
    else if (line.kind === 'bail') {
      const frame = this.nesting.enter(line);
      frame.bail ??= unescaped(line.reason, frame.dialect);
    } else if (line.kind === 'plan') {
      this.#anyPlan = true;
      this.nesting.plan(line, line);
    }
  }

  #point(line: TapLine & { kind: 'point' }): void {
    if (this.#held && (line.ok || this.#held.hasYaml)) explain(this.#held);
    this.#flush();
    this.#anyPoint = true;
    const frame = this.nesting.enterPoint(line);
    const number = countPoint(frame, line.number);
    const result = readPoint(line, number, frame.dialect);
    const rest = frame.child ? undefined : withoutBrace(line.rest);
    const parent = rest === undefined ? undefined : readPoint({ ...line, rest }, number, frame.dialect);
    const isSummary = !this.nesting.summarise(frame, result);
    frame.nextName = undefined;
    const point = this.#hooks.point(
      result.name,
      isFailure(result.verdict) && !isSummary ? result.name : undefined,
    );
    this.#held = { result: { ...result, point }, frame, isSummary, hasYaml: false };
    if (parent) this.#held.parent = parent;
    takeComments(this.#held.result, frame);
  }

  /** Announcements precede the first result; a later line of that form is a test's note. */
  #announce(line: TapLine & { kind: 'announcement' }, text: string): void {
    if (this.#anyPoint) this.#comment(commentText(text));
    else this.#hooks.announce(line);
  }

  #comment(text: string): void {
    const { comments } = this.nesting.top;
    comments.push(shorten(text, MAX_COMMENT));
    if (comments.length > MAX_COMMENTS) comments.shift();
  }

  #other(line: TapLine & { kind: 'other' }): void {
    if (line.text !== '---' || !this.#held || line.column <= this.#held.frame.column) return;
    this.#yaml = new YamlBlock(line.column);
  }

  /** A brace below a result, behind its YAML: its subtest follows. */
  #open(line: TapLine): void {
    const held = this.#held;
    if (held?.frame.column === line.column && !held.isSummary) held.parent ??= { ...held.result };
  }

  /** A closing brace ends the subtest of the result line that began with one; of another program it means nothing. */
  #close(line: TapLine): void {
    const held = this.#held;
    if (held?.parent && held.frame.column === line.column) {
      Object.assign(held.result, held.parent);
      delete held.parent;
      return;
    }
    const frame = this.nesting.bufferedAt(line.column);
    if (!frame?.buffered) return;
    this.#flush();
    this.nesting.enter(line);
    const { result, parent } = frame.buffered;
    delete frame.buffered;
    Object.assign(result, parent);
    if (this.nesting.summarise(frame, result)) this.#leaves.deliver(frame, result);
  }

  #endYaml(): void {
    const text = this.#yaml?.text();
    this.#yaml = undefined;
    if (!this.#held || text === undefined) return;
    this.#held.hasYaml = true;
    if (text) addYaml(this.#held.result, text);
    // A parent that ran out of time says more than its leaves.
    if (this.#held.result.verdict === 'timeout') this.#held.isSummary = false;
  }

  /** Delivers the held result: nothing more of it can come. */
  #flush(): void {
    const held = this.#held;
    this.#held = undefined;
    if (!held) return;
    if (!held.isSummary) {
      explain(held);
      this.#leaves.deliver(held.frame, held.result);
    } else if (!held.frame.parent) this.#summary(held.result);
    if (!held.frame.parent) this.#unexplained = [];
    else this.#noteFailure(held);
  }

  #noteFailure({ isSummary, result: { verdict, detail, point } }: HeldResult): void {
    if (isSummary || !isFailure(verdict) || detail !== undefined || point === undefined) return;
    if (this.#unexplained.length < MAX_UNEXPLAINED) this.#unexplained.push(point);
  }

  /** A program's line ends its results: what it printed to standard error behind them is not lost. */
  #summary({ name, detail }: TestResult): void {
    this.#hooks.summary(name);
    if (detail === undefined || this.#unexplained.length === 0) return;
    const text = stderrIn(detail);
    if (text !== undefined) this.#hooks.stderr(this.#unexplained, text);
  }
}

/** A comment line without its mark. */
const commentText = (line: string): string => line.replace(/^\s*# ?/, '');
