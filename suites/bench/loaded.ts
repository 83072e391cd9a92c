import type { Test, TestRing, Turn } from '../lib/index.ts';

/** The fact of cells where instructions are counted. */
export const COUNTING = { clock: 'instructions' };

/** Rings that servers have who look for speed: completions wait for whoever enters, and all that they cost is in that call. */
export const DEFERRED = ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN'];

/** How often the whole queue is submitted: warm-up turns are not counted. */
export interface Turns {
  warmUp: number;
  counted: number;
}

/** What the user asked for (`ringlab bench --turns --warm-up`), else `usual`. */
export function turnsOf({ lab }: Test, usual: Turns): Turns {
  const { turns, warmUp } = lab.cell.facts;
  return {
    warmUp: typeof warmUp === 'number' ? warmUp : usual.warmUp,
    counted: typeof turns === 'number' ? turns : usual.counted,
  };
}

export interface Measured {
  /** Requests that were sent, warm-up included. */
  sent: number;
  /** Median of the instructions of a submission (or what else was measured), for one request. */
  submit?: number;
}

/** A ring whose queue is full of requests, and what gives back all that it took to make it. */
export interface Loaded {
  ring: TestRing;
  end(): void;
  /** Where a turn is not one call to submit and one to wait: for the clock that counts instructions only. */
  turn?: Turn;
}

/** What is done turn by turn where instructions are counted. */
export interface Work {
  /** What its figure is called. */
  name: 'submit' | 'complete' | 'io';
  /** Requests of a turn. */
  depth: number;
  /** System calls of a turn. */
  calls: number;
  /** Turns that a round has at least, with one request each; default 16. */
  least?: number;
  /** Does a turn for each sample, and makes it what that cost. CPU time of everything, ns. */
  run(samples: Float64Array): number;
  /** Makes each sample what reading the clock adds to one. */
  clock(samples: Float64Array): void;
  end(): void;
}
