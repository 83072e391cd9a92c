import type { LiveState } from './state.ts';

/** Usual time of a cell by guest profile and suite (`cellKey`), ms. */
export type Durations = ReadonlyMap<string, number>;

export const cellKey = ({ profile, suite }: { profile: string; suite: string }): string =>
  JSON.stringify([profile, suite]);

/** How long a run will still take. */
export interface Estimate {
  ms: number;
  /** False where the time of some cell is unknown: it will then take longer than `ms`. */
  isWhole: boolean;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Median time of equal cells. Those that did not run to their end say nothing about others. */
export function durationsOf(
  cells: readonly { profile: string; suite: string; verdict: string; ms: number }[],
): Durations {
  const times = new Map<string, number[]>();
  for (const cell of cells) {
    if (cell.verdict !== 'done') continue;
    const key = cellKey(cell);
    times.set(key, [...(times.get(key) ?? []), cell.ms]);
  }
  return new Map([...times].map(([key, all]) => [key, median(all)]));
}

/**
 * The time until the last planned cell ends, when each takes as long as equal cells of this run took, or those of `earlier` runs, and
 * starts when a slot is free. Undefined when no cell is left or nothing is known of any: no time is made up.
 */
export function timeLeft(state: LiveState, earlier: Durations, nowMs: number): Estimate | undefined {
  const { run, running, waiting, ended } = state;
  if (!run || waiting.length + running.size === 0) return undefined;
  const own = durationsOf(ended);
  const usual = (cell: { profile: string; suite: string }) =>
    own.get(cellKey(cell)) ?? earlier.get(cellKey(cell));
  let isWhole = true;
  /** When each slot is free, ms from now. */
  const slots: number[] = [];
  for (const cell of running.values()) {
    const left = (usual(cell.planned) ?? 0) - (nowMs - cell.startedMs);
    // A cell that takes longer than usual gives no hint at its end.
    if (left <= 0) isWhole = false;
    slots.push(Math.max(0, left));
  }
  // Any number of jobs may be asked for.
  while (slots.length < Math.min(run.jobs, running.size + waiting.length)) slots.push(0);
  for (const cell of waiting) {
    const ms = usual(cell);
    if (ms === undefined) isWhole = false;
    const next = slots.indexOf(Math.min(...slots));
    slots[next] = (slots[next] ?? 0) + (ms ?? 0);
  }
  const ms = Math.max(...slots);
  return ms > 0 ? { ms, isWhole } : undefined;
}
