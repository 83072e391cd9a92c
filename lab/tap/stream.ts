import { LineSplitter } from '../core/lines.ts';
import { pieces } from '../model/printk.ts';
import type { TestResult } from '../model/result.ts';
import { isFailure } from '../model/verdict.ts';
import { AnnouncedTests } from './announced.ts';
import { Collector, type Leaf } from './collect.ts';
import { type Ending, endFlaw, type Stop, stopOf } from './ending.ts';
import { lastWords } from './exit-reason.ts';
import { countPoint } from './frame.ts';
import { explain, type HeldResult, takeComments } from './held.ts';
import { Leaves } from './leaves.ts';
import { Nesting } from './nesting.ts';
import { addYaml, readPoint, resultName } from './point.ts';
import { shorten } from './shorten.ts';
import { StderrLog } from './stderr.ts';
import { readLine, type TapLine } from './syntax.ts';
import { YamlBlock } from './yaml.ts';

/** What a caller may ask of a stream. */
export interface TapOptions {
  /** Called with each result when it is complete and its full name is known. */
  onTest?: (result: TestResult) => void;
  /** Called with the name of each test that the suite announces, and with its deadline where it sets one, ms. */
  onAnnounced?: (name: string, deadlineMs?: number) => void;
  /** Called with the name on each result line at once: `onTest` waits for what may explain the result. */
  onPoint?: (name: string) => void;
  /** Called with every line as received (without `\r`, cut at `maxLineBytes`). */
  onLine?: (line: string) => void;
  /** Bytes kept of one line; default 64 KiB. */
  maxLineBytes?: number;
  /** Results kept; default 100,000. The rest become one result. */
  maxTests?: number;
  /** Characters that the results take in a record; default 8 Mi. The rest become one result, details are cut first. */
  maxChars?: number | undefined;
}

/** Comment lines kept before one result; later ones push older ones out. */
const MAX_COMMENTS = 100;
/** Most characters kept of a comment line. */
const MAX_COMMENT = 4000;

/**
 * Reads a stream of TAP 13, TAP 14 or KTAP in any of its nestings, console text in between, and collects the results of its
 * leaves. A parent's result line becomes a result only where it says more than its leaves do.
 *
 * @example
 * const stream = new TapStream({ onTest: ({ name, verdict }) => console.log(verdict, name) });
 * stream.write(Buffer.from('TAP version 14\n1..2\nok 1 - a\n'));
 * stream.end({ code: null, signal: 'SIGSEGV' }); // pass a, lost #2
 */
export class TapStream {
  readonly #splitter: LineSplitter;
  readonly #collector: Collector;
  readonly #announced = new AnnouncedTests();
  readonly #onAnnounced: TapOptions['onAnnounced'];
  readonly #onPoint: TapOptions['onPoint'];
  readonly #leaves: Leaves;
  readonly #nesting: Nesting;
  readonly #stderr = new StderrLog();
  /** The newest result line, held back until no YAML can follow. */
  #held: HeldResult | undefined;
  #yaml: YamlBlock | undefined;
  #anyPoint = false;
  #anyPlan = false;
  #ended = false;
  #cutOff = false;

  constructor(options: TapOptions = {}) {
    this.#collector = new Collector(options.onTest, options.maxTests, options.maxChars);
    this.#onAnnounced = options.onAnnounced;
    this.#onPoint = options.onPoint;
    this.#leaves = new Leaves((result) => this.#add(result));
    this.#nesting = new Nesting(this.#leaves);
    const take = (line: string, whole: boolean) => {
      options.onLine?.(line);
      // Half a line can mean something else than the whole: `1..1` of `1..10`, `ok 2` of `ok 2 # SKIP`.
      if (!whole && this.#cutOff) return;
      for (const piece of pieces(line)) this.#line(piece.text);
    };
    this.#splitter = new LineSplitter(take, options.maxLineBytes);
  }

  /** The tests that the suite has announced, in order. */
  get announced(): readonly string[] {
    return this.#announced.names;
  }

  /** After the end: the announced tests that gave no result and were not running, in announced order. */
  get notBegun(): readonly string[] {
    return this.#announced.notBegun;
  }

  /** Takes the next bytes of the stream, cut anywhere. */
  write(chunk: Uint8Array): void {
    this.#stderr.beginOutput();
    this.#splitter.write(chunk);
  }

  /** Takes the next bytes of the suite's standard error, in the order of arrival. They explain failures; TAP in them is none. */
  writeStderr(chunk: Uint8Array): void {
    this.#stderr.write(chunk);
  }

  /** Whether a result or a plan has been read: a version line alone is none, since kselftest's comments begin with one too. */
  get anyTap(): boolean {
    return this.#anyPoint || this.#anyPlan;
  }

  /** Reports the result that still waits for what may explain it: for a reader that gives up before the end. */
  release(): void {
    this.#endYaml();
    this.#flush();
  }

  /**
   * Ends the stream and returns all results. Tests that were announced or planned and gave no result are `lost`; the test that
   * was running, or the first planned one, has the verdict that `ending` stands for. Throws Error when called twice.
   */
  end(ending: Ending): TestResult[] {
    if (this.#ended) throw new Error('TapStream.end was called twice');
    this.#ended = true;
    const stop = stopOf(ending, lastWords(this.#stderr.tail()));
    this.#cutOff = stop.abnormal;
    this.#splitter.end();
    this.#endYaml();
    this.#flush();
    this.#addRunning(ending, stop);
    this.#nesting.closeAll(stop, this.#announced);
    for (const flaw of endFlaw(stop, this.#collector)) this.#add(flaw);
    this.#collector.explain(this.#stderr.texts());
    this.#collector.close();
    return this.#collector.results;
  }

  #add(result: Leaf): void {
    this.#announced.report(result.name);
    const of = this.#announced.classOf(result.name);
    if (of) result.class ??= of;
    this.#collector.add(result);
  }

  /** The test that was running when the suite stopped, unless its result arrived. */
  #addRunning({ running, evidence }: Ending, stop: Stop): void {
    const name = running === undefined ? undefined : resultName(running);
    if (name === undefined || this.#collector.has(name)) return;
    stop.reported = true;
    this.#leaves.claim(this.#nesting.top);
    const detail = evidence ? { detail: evidence } : {};
    this.#add({ name, verdict: stop.verdict, reason: `was running when ${stop.reason}`, ...detail });
  }

  #line(text: string): void {
    const line = readLine(text);
    if (this.#yaml) {
      const outcome = this.#yaml.take(text, line);
      if (outcome === 'taken') return;
      this.#endYaml();
      if (outcome === 'end') return;
    }
    if (line.kind === 'comment') this.#comment(line.text);
    else if (line.kind === 'announcement') this.#announce(line, text);
    else if (line.kind === 'other') this.#other(line, line.text);
    else if (this.#isTap(line)) this.#tap(line);
    else if (line.commented) this.#comment(commentText(text));
  }

  /** Whether a line is TAP here: a bare `ok` on a console and a result inside a comment are so in some dialects only. */
  #isTap(line: TapLine): boolean {
    const { dialect, commented } = this.#nesting.top;
    if (line.commented && !commented && line.kind !== 'version') {
      if (line.kind !== 'plan' || dialect === 'tap14') return false;
    }
    if (line.kind !== 'point' || line.number !== undefined) return true;
    return dialect === 'tap13' || dialect === 'tap14';
  }

  #tap(line: TapLine): void {
    if (line.kind === 'point') {
      this.#point(line);
      return;
    }
    this.#flush();
    if (line.kind === 'version') this.#nesting.version(line, line.dialect);
    else if (line.kind === 'subtest') this.#nesting.subtest(line, line.name);
    else if (line.kind === 'bail') this.#nesting.enter(line).bail ??= line.reason;
    else if (line.kind === 'plan') {
      this.#anyPlan = true;
      const { count, skip } = line;
      this.#nesting.enter(line).plan ??= { count, ...(skip === undefined ? {} : { skip }) };
    }
  }

  #point(line: TapLine & { kind: 'point' }): void {
    if (this.#held && (line.ok || this.#held.hasYaml)) explain(this.#held);
    this.#flush();
    this.#anyPoint = true;
    const frame = this.#nesting.enter(line);
    const result = readPoint(line, countPoint(frame, line.number), frame.dialect);
    const isSummary = !this.#nesting.summarise(frame, result);
    frame.nextName = undefined;
    const point = this.#stderr.point(isFailure(result.verdict) && !isSummary ? result.name : undefined);
    this.#held = { result: { ...result, point }, frame, isSummary, hasYaml: false };
    takeComments(this.#held.result, frame);
    this.#onPoint?.(result.name);
  }

  /** Announcements precede the first result; a later line of that form is a test's note. */
  #announce({ name, deadlineMs, class: of }: TapLine & { kind: 'announcement' }, text: string): void {
    if (this.#anyPoint) this.#comment(commentText(text));
    else if (name) {
      const test = resultName(name);
      if (this.#announced.announce(test, of)) this.#onAnnounced?.(test, deadlineMs);
    }
  }

  #comment(text: string): void {
    const { comments } = this.#nesting.top;
    comments.push(shorten(text, MAX_COMMENT));
    if (comments.length > MAX_COMMENTS) comments.shift();
  }

  #other(line: TapLine, text: string): void {
    if (text !== '---' || !this.#held || line.column <= this.#held.frame.column) return;
    this.#yaml = new YamlBlock(line.column);
  }

  #endYaml(): void {
    const text = this.#yaml?.text();
    this.#yaml = undefined;
    if (!this.#held || text === undefined) return;
    this.#held.hasYaml = true;
    if (text) addYaml(this.#held.result, text);
  }

  /** Delivers the held result: nothing more of it can come. */
  #flush(): void {
    const held = this.#held;
    this.#held = undefined;
    // The leaves of a subtest have longer names than the test that was announced.
    if (held?.isSummary && !held.frame.parent) this.#announced.report(held.result.name);
    if (!held || held.isSummary) return;
    explain(held);
    this.#leaves.deliver(held.frame, held.result);
  }
}

/** A comment line without its mark. */
const commentText = (line: string): string => line.replace(/^\s*# ?/, '');
