import type { Test, TestRing, Turn } from '../lib/index.ts';

/** Fact of a cell whose clock counts instructions (`ringlab bench --clock`). */
export const INSTRUCTION_CLOCK = { clock: 'instructions' };

/**
 * Set-up flags of servers that are tuned for speed: task work runs when the owner enters the ring, so the cost of a completion is in
 * the call that waits for it.
 */
export const DEFER_TASKRUN = ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN'];

/** How many turns run; one turn submits and reaps the full queue. Warm-up turns are not counted. */
export interface Turns {
  warmUp: number;
  counted: number;
}

/** The turns that the user asked for (`ringlab bench --turns --warm-up`), else `defaults`. */
export function turnsOf({ lab }: Test, defaults: Turns): Turns {
  const { turns, warmUp } = lab.cell.facts;
  return {
    warmUp: typeof warmUp === 'number' ? warmUp : defaults.warmUp,
    counted: typeof turns === 'number' ? turns : defaults.counted,
  };
}

/** What a measurement returns besides its metrics. */
export interface Measurement {
  /** Requests that were sent, warm-up included. */
  sent: number;
  /** Median instructions per request of the cheapest round; undefined with the time clock. */
  instructions?: number;
}

/** A ring whose submission queue is full of requests. */
export interface LoadedRing {
  ring: TestRing;
  /** Releases what was allocated for the ring. */
  release(): void;
  /** How a turn runs where it is not one call that submits and one that waits; used by the instruction clock only. */
  turn?: Turn;
}

/** Work that is repeated turn by turn under the instruction clock. */
export interface TurnWork {
  /** Name of its metric. */
  metric: 'submit' | 'complete' | 'io';
  /** Requests of a turn. */
  depth: number;
  /** System calls of a turn. */
  calls: number;
  /** Smallest number of turns of a round at depth 1; default 16. */
  minTurns?: number;
  /** Runs a turn for each sample and stores its ticks there. Returns the thread's CPU time of all turns, untimed steps included, ns. */
  run(samples: Float64Array): number;
  /** Stores in each sample the ticks that reading the clock adds to a turn. */
  clockOverhead(samples: Float64Array): void;
  /** Releases what was allocated for the work. */
  release(): void;
}
