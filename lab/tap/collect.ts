import type { TestResult } from '../model/result.ts';
import { isFailure } from '../model/verdict.ts';
import { shorten } from './point.ts';

/** Most results kept of one stream. */
const MAX_TESTS = 100_000;
/** Most characters of detail kept of one test, and of the whole stream. */
const MAX_DETAIL = 64 << 10;
const MAX_DETAIL_TOTAL = 16 << 20;
/** Most characters of names, reasons and figures of the whole stream: a result has some 100. */
const MAX_CHARS = 32 << 20;

/** Keeps the finished results of a stream within bounds, gives each a unique name, and counts the results that were left out. */
export class Collector {
  readonly results: TestResult[] = [];
  readonly #onTest: ((result: TestResult) => void) | undefined;
  readonly #maxTests: number;
  /** How many results had each name. */
  readonly #names = new Map<string, number>();
  #detailChars = 0;
  /** Characters of names, reasons and figures. */
  #chars = 0;
  #failures = 0;
  #omitted = { all: 0, failures: 0 };

  constructor(onTest?: (result: TestResult) => void, maxTests = MAX_TESTS) {
    this.#onTest = onTest;
    this.#maxTests = maxTests;
  }

  /** True when a result so far is a failure (`FAILURES`), kept or not. */
  get anyFailure(): boolean {
    return this.#failures > 0;
  }

  /** Whether a result of this name was kept. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  add(result: TestResult): void {
    if (isFailure(result.verdict)) this.#failures++;
    if (this.#isTooMuch(result)) {
      this.#omitted.all++;
      if (isFailure(result.verdict)) this.#omitted.failures++;
      return;
    }
    const kept = { ...result, name: this.#uniqueName(result.name) };
    if (kept.detail !== undefined) kept.detail = this.#bounded(kept.detail);
    this.results.push(kept);
    this.#onTest?.(kept);
  }

  /** Adds one result, never a pass, for all that were left out. */
  close(): void {
    const { all, failures } = this.#omitted;
    if (all === 0) return;
    const reason = `${all} further results were not kept (limit ${this.#maxTests}), ${failures} of them failures`;
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

  /** Whether a result would pass a limit: of their number, or of the characters that all take together. */
  #isTooMuch({ name, reason = '', behaviour = '', lacks = '', metrics = [] }: TestResult): boolean {
    const figures = metrics.reduce((sum, metric) => sum + metric.name.length + metric.unit.length + 50, 0);
    this.#chars += name.length + reason.length + behaviour.length + lacks.length + figures;
    return this.results.length >= this.#maxTests || this.#chars > MAX_CHARS;
  }

  #bounded(detail: string): string {
    const room = Math.min(MAX_DETAIL, MAX_DETAIL_TOTAL - this.#detailChars);
    if (room <= 0) return `[${detail.length} characters left out: the stream's details passed the limit]`;
    const text = shorten(detail, room);
    this.#detailChars += text.length;
    return text;
  }
}
