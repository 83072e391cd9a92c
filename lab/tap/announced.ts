import type { TestClass } from '../model/protocol.ts';
import type { TestResult } from '../model/result.ts';
import type { Stop } from './ending.ts';
import type { Frame } from './frame.ts';

/** Names kept; further announcements are only counted. A name has at most some 300 characters. */
const MAX_NAMES = 10_000;

/**
 * The tests that a suite announced before it ran the first (`# ringlab: test "NAME"`). They are its plan by name: a stream that
 * was cut off still shows each test that gave no result.
 */
export class AnnouncedTests {
  /** In announced order; true once a result has arrived. */
  readonly #reported = new Map<string, boolean>();
  readonly #classes = new Map<string, TestClass>();
  #notBegun: string[] = [];
  /** Announcements beyond the limit, and results under names that were not kept. */
  #further = { announced: 0, reported: 0 };

  /** True when the suite announced any test, so that a missing plan line hides nothing. */
  get any(): boolean {
    return this.#reported.size > 0;
  }

  /**
   * Adds a test, under the name that its result will have. A second announcement of a name changes nothing. Returns whether the
   * name is new and was kept.
   */
  announce(name: string, of?: TestClass): boolean {
    if (this.#reported.has(name)) return false;
    const isKept = this.#reported.size < MAX_NAMES;
    if (isKept && of) this.#classes.set(name, of);
    if (isKept) this.#reported.set(name, false);
    else this.#further.announced++;
    return isKept;
  }

  /** The class that a test was announced with: a test that ends its guest has no result of its own. */
  classOf(name: string): TestClass | undefined {
    return this.#classes.get(name);
  }

  /** In announced order. */
  get names(): readonly string[] {
    return [...this.#reported.keys()];
  }

  /** The tests that `lost` reported by name. */
  get notBegun(): readonly string[] {
    return this.#notBegun;
  }

  /** Notes that a result arrived. */
  report(name: string): void {
    if (this.#reported.has(name)) this.#reported.set(name, true);
    else this.#further.reported++;
  }

  /**
   * Results for the announced tests that gave none, in announced order, and how many tests they stand for: those beyond the
   * limit share one result. `root` is the outermost frame.
   */
  lost(root: Frame, stop: Stop): { results: TestResult[]; count: number } {
    const cause = root.bail === undefined ? stop.reason : `bailed out: ${root.bail || 'no reason given'}`;
    const reason = `no result arrived: ${cause}`;
    const names = [...this.#reported].filter(([, reported]) => !reported).map(([name]) => name);
    this.#notBegun = [...names];
    const further = Math.max(0, this.#further.announced - this.#further.reported);
    const count = names.length + further;
    if (count > 0 && root.bail === undefined) stop.reported = true;
    if (further > 0) names.push(`(${further} further announced tests)`);
    return { results: names.map((name) => ({ name, verdict: 'lost', reason })), count };
  }
}
