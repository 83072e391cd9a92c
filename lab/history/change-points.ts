import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { median } from 'simple-statistics';
import { bestDivision, Distances } from './energy.ts';

/** A place in a list of values from which on they differ. */
export interface ChangePoint {
  /** Index of the first value that differs. */
  index: number;
  /** Medians of the values from the change point before up to here, and from here to the next one. */
  before: number;
  after: number;
}

/** How change points are found. */
export interface Sensitivity {
  /** Share of the value by which runs of one kernel may differ: a smaller change is none. */
  noise: number;
  /** Probability that a division of values without a change is taken for one. */
  significance?: number;
  /** Seed of the permutations: equal values have equal change points. */
  seed?: number;
}

/** Share by which boots of one kernel usually differ, as for comparisons (`lab/compare/rows.ts`). */
export const USUAL_NOISE = 0.002;

/** Values on each side of a change point: one value that differs is an outlier. */
const LEAST = 2;

/** Permutations that a division is compared with: fewer could not show a significance of 0.005. */
const PERMUTATIONS = 999;

type Random = ReturnType<typeof xoroshiro128plus>;

function shuffled(indices: readonly number[], random: Random): number[] {
  const order = [...indices];
  for (let i = order.length - 1; i > 0; i--) {
    const j = uniformInt(random, 0, i);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

/** Whether values in a random order are divided as well only rarely. Ends as soon as it is known that they are not. */
function isSignificant(
  distances: Distances,
  segment: readonly number[],
  { statistic, significance, random }: { statistic: number; significance: number; random: Random },
): boolean {
  const allowed = Math.floor(significance * (PERMUTATIONS + 1)) - 1;
  let reached = 0;
  for (let round = 0; round < PERMUTATIONS; round++) {
    const other = bestDivision(distances, shuffled(segment, random), LEAST);
    // Sums of the same numbers in another order differ in their last bits.
    if (other.statistic >= statistic * (1 - 1e-9) && ++reached > allowed) return false;
  }
  return true;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/** The first index of each segment but the first one. */
function divide(values: readonly number[], significance: number, seed: number): number[] {
  const distances = new Distances(values);
  const random = xoroshiro128plus(seed);
  const found: number[] = [];
  const open: [number, number][] = [[0, values.length]];
  for (let segment = open.shift(); segment; segment = open.shift()) {
    const [from, to] = segment;
    if (to - from < 2 * LEAST) continue;
    const indices = range(from, to);
    const { at, statistic } = bestDivision(distances, indices, LEAST);
    if (statistic <= 0 || !isSignificant(distances, indices, { statistic, significance, random })) continue;
    found.push(from + at);
    open.push([from, from + at], [from + at, to]);
  }
  return found.sort((a, b) => a - b);
}

function measured(values: readonly number[], starts: readonly number[]): ChangePoint[] {
  if (starts.length === 0) return [];
  const bounds = [0, ...starts, values.length];
  const medians = bounds.slice(0, -1).map((from, index) => median(values.slice(from, bounds[index + 1])));
  return starts.map((index, at) => ({ index, before: medians[at] ?? 0, after: medians[at + 1] ?? 0 }));
}

/** How much a value changes, as a share of what it was. */
export const shareOf = ({ before, after }: Pick<ChangePoint, 'before' | 'after'>): number =>
  before === after ? 0 : (after - before) / Math.abs(before || after);

/**
 * Where values change, oldest first, by E-divisive (Matteson and James, 2014): hierarchical division by energy distance, tested by
 * permutations. It assumes no distribution. Changes of no more than `noise` are left out, the smallest first, since that changes the medians
 * of its neighbours. At least `2 * LEAST` values are needed for a change point, and about eight for a significant one.
 */
export function changePoints(
  values: readonly number[],
  { noise, significance = 0.005, seed = 1 }: Sensitivity,
): ChangePoint[] {
  let starts = divide(values, significance, seed);
  for (;;) {
    const points = measured(values, starts);
    const [least] = [...points].sort((a, b) => Math.abs(shareOf(a)) - Math.abs(shareOf(b)));
    if (!least || Math.abs(shareOf(least)) > noise) return points;
    starts = starts.filter((index) => index !== least.index);
  }
}
