import type { TestResult } from '../model/result.ts';
import { isFailure } from '../model/verdict.ts';
import { lastWords } from './exit-reason.ts';
import { shorten } from './shorten.ts';

/** Most results kept of one stream. */
const MAX_TESTS = 100_000;
/** Most characters of detail kept of one test. */
const MAX_DETAIL = 64 << 10;
/** Most characters that the results of one stream take in a record. The largest suites here print 2 MiB. */
const MAX_CHARS = 8 << 20;
/** Characters that an escape has at most in JSON, `\u0001`. */
const MAX_ESCAPE = 6;

/** A result on its way to the record, with the number of its line in the stream if it has one (`StderrLog`). */
export type Leaf = TestResult & { point?: number };

/** Characters that a value takes in a record: escapes and indentation multiply what a stream printed. */
export const recordChars = (value: unknown): number => JSON.stringify(value, null, 10).length;

/** Keeps the finished results of a stream within bounds, gives each a unique name, and counts the results that were left out. */
export class Collector {
  readonly results: TestResult[] = [];
  readonly #onTest: ((result: TestResult) => void) | undefined;
  readonly #maxTests: number;
  /** How many results had each name. */
  readonly #names = new Map<string, number>();
  readonly #maxChars: number;
  /** What is left of `maxChars`; details get no more than half, so that they cost no later test its result. */
  #chars: number;
  #detailChars: number;
  /** Kept failures by the number of their line. */
  readonly #byPoint = new Map<number, TestResult>();
  #failures = 0;
  #omitted = { all: 0, failures: 0 };

  /** `maxChars`: characters that the results take in a record. */
  constructor(onTest?: (result: TestResult) => void, maxTests = MAX_TESTS, maxChars = MAX_CHARS) {
    this.#onTest = onTest;
    this.#maxTests = maxTests;
    this.#maxChars = maxChars;
    this.#chars = maxChars;
    this.#detailChars = Math.floor(maxChars / 2);
  }

  /** True when a result so far is a failure (`FAILURES`), kept or not. */
  get anyFailure(): boolean {
    return this.#failures > 0;
  }

  /** True when there are results so far, and all are skips. */
  get onlySkips(): boolean {
    return this.results.length > 0 && this.results.every(({ verdict }) => verdict === 'skip');
  }

  /** Whether a result of this name was kept. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  add({ point, ...result }: Leaf): void {
    if (isFailure(result.verdict)) this.#failures++;
    const { detail, ...rest } = result;
    // Without a look at its characters where one was left out already: a flood has millions.
    const isOmitted = this.#omitted.all > 0 || this.results.length >= this.#maxTests;
    const chars = isOmitted ? 0 : recordChars(rest);
    if (isOmitted || chars > this.#chars) {
      this.#omitted.all++;
      if (isFailure(result.verdict)) this.#omitted.failures++;
      return;
    }
    this.#chars -= chars;
    const kept: TestResult = { ...rest, name: this.#uniqueName(result.name) };
    if (detail !== undefined) kept.detail = this.#bounded(detail);
    this.results.push(kept);
    if (point !== undefined && isFailure(kept.verdict)) this.#byPoint.set(point, kept);
    this.#onTest?.(kept);
  }

  /**
   * Adds to failures what was printed to standard error around them. It becomes the reason of a failure that has neither reason nor
   * detail. `onTest` has had them without it: it may have come later.
   */
  explain(texts: ReadonlyMap<number, string>): void {
    for (const [point, text] of texts) {
      const result = this.#byPoint.get(point);
      if (!result || text.trim() === '') continue;
      const words = result.detail === undefined ? lastWords(text) : undefined;
      if (words !== undefined && recordChars(words) <= this.#chars) result.reason ??= words;
      const before = result.detail === undefined ? '' : `${result.detail}\n`;
      result.detail = before + this.#bounded(`standard error:\n${text.trimEnd()}`);
    }
  }

  /** Adds one result, never a pass, for all that were left out. */
  close(): void {
    const { all, failures } = this.#omitted;
    if (all === 0) return;
    const isFull = this.results.length >= this.#maxTests;
    const limit = isFull ? this.#maxTests : `${this.#maxChars} characters`;
    const reason = `${all} further results were not kept (limit ${limit}), ${failures} of them failures`;
    const result: TestResult = {
      name: '(further results)',
      verdict: failures > 0 ? 'fail' : 'lost',
      reason,
    };
    this.results.push(result);
    this.#onTest?.(result);
  }

  /** `name`, or `name (2)` for its second result. */
  #uniqueName(name: string): string {
    let times = (this.#names.get(name) ?? 0) + 1;
    // A stream may have used `name (2)` itself.
    while (times > 1 && this.#names.has(`${name} (${times})`)) times++;
    this.#names.set(name, times);
    return times === 1 ? name : `${name} (${times})`;
  }

  #bounded(detail: string): string {
    const room = Math.min(this.#detailChars, this.#chars);
    const text = shorten(detail, MAX_DETAIL);
    const chars = recordChars(text);
    if (chars <= room) return this.#taken(text, chars);
    const beginning = Math.floor(room / MAX_ESCAPE) - 100;
    if (beginning <= 0)
      return `[${detail.length} characters left out: the stream's details passed the limit]`;
    const cut = shorten(detail, beginning);
    return this.#taken(cut, recordChars(cut));
  }

  /** Takes a detail off what is left. */
  #taken(text: string, chars: number): string {
    this.#detailChars -= chars;
    this.#chars -= chars;
    return text;
  }
}
