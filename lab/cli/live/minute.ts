import { progressLines } from './summary.ts';
import type { Tracker } from './tracker.ts';

const MINUTE_MS = 60_000;

/** Prints where a command is, once a minute, where no live view shows it. */
export class MinuteLines {
  readonly #timer: NodeJS.Timeout;

  /** `print` gets each line; `everyMs` is for tests. */
  constructor(tracker: Tracker, print: (line: string) => void, everyMs = MINUTE_MS) {
    const tick = () => {
      const nowMs = Date.now();
      for (const line of progressLines(tracker.state, tracker.estimate(nowMs), nowMs)) print(line);
    };
    this.#timer = setInterval(tick, everyMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
