import { LineSplitter } from '../core/lines.ts';
import type { TestResult } from '../model/result.ts';
import { AnnouncedTests } from './announced.ts';
import { Collector, type Leaf } from './collect.ts';
import { type Ending, endFlaw, type Stop, stopOf } from './ending.ts';
import { lastWords } from './exit-reason.ts';
import { Leaves } from './leaves.ts';
import { LineParts } from './parts.ts';
import { resultName } from './point.ts';
import { Preamble } from './preamble.ts';
import { TapReader } from './reader.ts';
import { StderrLog } from './stderr.ts';
import type { TapLine } from './syntax.ts';

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
  readonly #parts = new LineParts();
  readonly #preamble = new Preamble();
  readonly #reader: TapReader;
  readonly #leaves: Leaves;
  readonly #collector: Collector;
  readonly #announced = new AnnouncedTests();
  readonly #stderr = new StderrLog();
  readonly #options: TapOptions;
  #ended = false;
  #cutOff = false;

  constructor(options: TapOptions = {}) {
    this.#options = options;
    this.#collector = new Collector(options.onTest, options.maxTests, options.maxChars);
    this.#leaves = new Leaves((result) => this.#add(result));
    this.#reader = new TapReader(this.#leaves, {
      point: (name, failedName) => {
        options.onPoint?.(name);
        return this.#stderr.point(failedName);
      },
      announce: (announcement) => this.#announce(announcement),
      summary: (name) => this.#announced.report(name),
      stderr: (points, text) => this.#stderr.explain(points, text),
    });
    const take = (line: string, whole: boolean) => {
      options.onLine?.(line.replaceAll('\r', ''));
      // Half a line can mean something else than the whole: `1..1` of `1..10`, `ok 2` of `ok 2 # SKIP`.
      if (whole || !this.#cutOff) this.#take(line);
    };
    this.#splitter = new LineSplitter(take, options.maxLineBytes, { keepReturns: true });
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

  /** Whether a result or a plan has been read. */
  get anyTap(): boolean {
    return this.#reader.anyTap;
  }

  /** Reports the result that still waits for what may explain it: for a reader that gives up before the end. */
  release(): void {
    for (const text of this.#preamble.end()) this.#reader.take(text);
    this.#reader.release();
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
    this.release();
    this.#addRunning(ending, stop);
    this.#reader.nesting.closeAll(stop, this.#announced);
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
    this.#leaves.claim(this.#reader.nesting.top);
    const detail = evidence ? { detail: evidence } : {};
    this.#add({ name, verdict: stop.verdict, reason: `was running when ${stop.reason}`, ...detail });
  }

  #take(line: string): void {
    for (const text of this.#parts.of(line)) {
      const texts = this.#preamble.isOver ? [text] : this.#preamble.take(text);
      for (const ready of texts) this.#reader.take(ready);
    }
  }

  #announce({ name, deadlineMs, class: of }: TapLine & { kind: 'announcement' }): void {
    if (!name) return;
    const test = resultName(name);
    if (this.#announced.announce(test, of)) this.#options.onAnnounced?.(test, deadlineMs);
  }
}
