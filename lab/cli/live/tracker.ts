import type { LabEvent } from '../../model/event.ts';
import { earlierDurations } from './earlier.ts';
import { type Durations, type Estimate, timeLeft } from './estimate.ts';
import { IDLE, type LiveState, nextState } from './state.ts';

/** Follows the events of a command: its state, and how long it will still take. */
export class Tracker {
  #state = IDLE;
  #earlier: ReadonlyMap<string, Durations> = new Map();

  get state(): LiveState {
    return this.#state;
  }

  /** Takes the next event. With a run's first event, the durations of earlier runs are read in the background. */
  take(event: LabEvent): void {
    this.#state = nextState(this.#state, event);
    if (event.type !== 'run.start') return;
    void earlierDurations(event.dir, event.record).then((earlier) => {
      this.#earlier = earlier;
    });
  }

  /** The command has been interrupted or has failed, and cleans up. */
  end(): void {
    this.#state = { ...this.#state, isEnding: true };
  }

  /** `nowMs`: ms since 1970. */
  estimate(nowMs: number): Estimate | undefined {
    const { accel = 'tcg' } = this.#state;
    return timeLeft(this.#state, this.#earlier.get(accel) ?? new Map(), nowMs);
  }
}
