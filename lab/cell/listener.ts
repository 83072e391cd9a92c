import type { StageContext } from '../model/event.ts';
import type { TestResult } from '../model/result.ts';
import { TapStream } from '../tap/index.ts';
import type { DamageWatch } from './damage.ts';
import type { Watchdog } from './watchdog.ts';

/** Output kept for a program whose only verdict is its exit code, characters. */
const OUTPUT_KEPT = 64 << 10;
const STDERR_KEPT = 4000;

/** Reads a suite's output while it runs: TAP, and the ends of both streams. */
export class SuiteListener {
  readonly tap: TapStream;
  stdoutTail = '';
  stderrTail = '';
  /** ms from QEMU start to the first byte. */
  firstTapMs: number | undefined;
  /** Reports the result of a test. */
  readonly report: (test: TestResult) => void;
  /** Resolves with the test at which the cell is to stop. */
  readonly stopped: Promise<TestResult>;

  /** Announced tests that no event has named yet. */
  readonly #announced: string[] = [];
  readonly #emitAnnounced: () => void;

  /** `cell`: the cell's name in events; `maxChars`: see `TapOptions`. */
  constructor(
    cell: string,
    stopAt: ((test: TestResult) => boolean) | undefined,
    watchers: { watchdog: Watchdog; damage: DamageWatch },
    ctx: StageContext,
    maxChars?: number,
  ) {
    const { watchdog, damage } = watchers;
    let stop = (_test: TestResult) => {};
    this.stopped = new Promise((resolve) => {
      stop = resolve;
    });
    this.report = (test) => {
      ctx.emit({ type: 'test.end', cell, test });
      damage.report(test);
      if (stopAt?.(test)) stop(test);
    };
    this.#emitAnnounced = () => {
      const tests = this.#announced.splice(0);
      if (tests.length > 0) ctx.emit({ type: 'tests.announced', cell, tests });
    };
    this.tap = new TapStream({
      maxChars,
      onAnnounced: (name, deadlineMs) => {
        this.#announced.push(name);
        watchdog.announce(name, deadlineMs);
      },
      onPoint: (name) => {
        watchdog.report(name);
        damage.point(name);
      },
      onTest: (test) => {
        this.#emitAnnounced();
        this.report(test);
      },
    });
  }

  takeStdout(chunk: Buffer, sinceStartMs: number): void {
    this.firstTapMs ??= Math.round(sinceStartMs);
    this.stdoutTail = (this.stdoutTail + chunk.toString('utf8')).slice(-OUTPUT_KEPT);
    this.tap.write(chunk);
    this.#emitAnnounced();
  }

  takeStderr(chunk: Buffer): void {
    this.stderrTail = (this.stderrTail + chunk.toString('utf8')).slice(-STDERR_KEPT);
    this.tap.writeStderr(chunk);
  }
}
