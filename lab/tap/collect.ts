import type { TestResult } from '../model/result.ts';
import { isFailure } from '../model/verdict.ts';
import { shorten } from './point.ts';

/** Bounds of what one stream may leave in memory. */
const MAX_TESTS = 100_000;
const MAX_DETAIL = 64 << 10;
const MAX_DETAIL_TOTAL = 16 << 20;

/** Takes finished results: gives each a name of its own, keeps within bounds, and tells what that left out. */
export class Collector {
  readonly results: TestResult[] = [];
  readonly #onTest: ((result: TestResult) => void) | undefined;
  readonly #maxTests: number;
  readonly #names = new Map<string, number>();
  #detail = 0;
  #bad = 0;
  #left = { all: 0, bad: 0 };

  constructor(onTest?: (result: TestResult) => void, maxTests = MAX_TESTS) {
    this.#onTest = onTest;
    this.#maxTests = maxTests;
  }

  /** Has any result so far been a failure of some kind? */
  get bad(): boolean {
    return this.#bad > 0;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  add(result: TestResult): void {
    if (isFailure(result.verdict)) this.#bad++;
    if (this.results.length >= this.#maxTests) {
      this.#left.all++;
      if (isFailure(result.verdict)) this.#left.bad++;
      return;
    }
    const kept = { ...result, name: this.#ownName(result.name) };
    if (kept.detail !== undefined) kept.detail = this.#fit(kept.detail);
    this.results.push(kept);
    this.#onTest?.(kept);
  }

  /** Says what was left out, as a result that is never a pass. */
  close(): void {
    const { all, bad } = this.#left;
    if (all === 0) return;
    const reason = `${all} further results were not kept (limit ${this.#maxTests}), ${bad} of them failures`;
    const result: TestResult = { name: '(further results)', verdict: bad > 0 ? 'fail' : 'lost', reason };
    this.results.push(result);
    this.#onTest?.(result);
  }

  #ownName(name: string): string {
    const times = (this.#names.get(name) ?? 0) + 1;
    this.#names.set(name, times);
    if (times === 1) return name;
    const own = `${name} (${times})`;
    return this.#names.has(own) ? this.#ownName(name) : own;
  }

  #fit(detail: string): string {
    const room = Math.min(MAX_DETAIL, MAX_DETAIL_TOTAL - this.#detail);
    if (room <= 0) return `[${detail.length} characters left out: the stream's details passed the limit]`;
    const text = shorten(detail, room);
    this.#detail += text.length;
    return text;
  }
}
