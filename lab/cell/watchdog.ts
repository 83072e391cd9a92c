/** The agent ends a test at its deadline and may then take this long to release what the test holds (suites/agent/run.ts), ms. */
const RELEASE_MS = 10_000;
/**
 * How much later a busy machine may get to read a result: this long, ms, and for a long test this share of its deadline, since what a busy
 * machine emulates takes longer.
 */
const SLACK = { ms: 15_000, share: 0.5 };
/** A guest that counts instructions has a virtual clock, which a busy test slows down by up to this factor. */
const COUNTED_CLOCK = 10;

/** A test whose agent can no longer report it. */
export interface StuckTest {
  name: string;
  /** Its deadline, and the time within which no result has arrived, ms. */
  deadlineMs: number;
  waitedMs: number;
}

interface WatchdogOptions {
  /** Deadline of a test that announces none, ms. */
  testMs: number;
  /** Whether the guest counts instructions. */
  isCounting?: boolean;
  /** What is added to a deadline instead of the usual, ms. */
  slackMs?: number;
}

/**
 * Notices a test whose agent hangs with it: the agent ends each test at its deadline, unless its process cannot run (state D, a loop
 * without an await) or the whole kernel hangs. Tests run in the order of their announcement, so the test that runs is the first
 * without a result. Without announced tests it never fires.
 */
export class Watchdog implements Disposable {
  readonly #options: WatchdogOptions;
  /** Deadline of each announced test without a result, in order. */
  readonly #waiting = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #onStuck: (test: StuckTest) => void = () => {};
  /** Resolves with the test that is stuck. */
  readonly stuck: Promise<StuckTest>;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.stuck = new Promise((resolve) => {
      this.#onStuck = resolve;
    });
  }

  /** A test that will run after those announced before. `deadlineMs`: its own, if it has one. */
  announce(name: string, deadlineMs = this.#options.testMs): void {
    this.#waiting.set(name, deadlineMs);
    if (this.#waiting.size === 1) this.#watch();
  }

  /** A result has arrived: the next test runs. */
  report(name: string): void {
    if (this.#waiting.delete(name)) this.#watch();
  }

  #watch(): void {
    clearTimeout(this.#timer);
    const [first] = this.#waiting;
    if (!first) return;
    const [name, deadlineMs] = first;
    const { isCounting = false } = this.#options;
    const slackMs = this.#options.slackMs ?? RELEASE_MS + Math.max(SLACK.ms, SLACK.share * deadlineMs);
    const waitedMs = Math.ceil(deadlineMs * (isCounting ? COUNTED_CLOCK : 1) + slackMs);
    this.#timer = setTimeout(() => {
      // A lab that was held up may have the result already, unread: its sockets are read before this is called.
      setImmediate(() => setImmediate(() => this.#expire(name, deadlineMs, waitedMs)));
    }, waitedMs);
  }

  #expire(name: string, deadlineMs: number, waitedMs: number): void {
    const [running] = this.#waiting.keys();
    if (running === name) this.#onStuck({ name, deadlineMs, waitedMs });
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }
}
