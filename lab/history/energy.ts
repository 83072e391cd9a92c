/** Distances between all values of a list: `at(i, j)` is |values[i] - values[j]|. */
export class Distances {
  readonly #values: Float64Array;

  constructor(values: readonly number[]) {
    this.#values = Float64Array.from(values);
  }

  at(i: number, j: number): number {
    return Math.abs((this.#values[i] ?? 0) - (this.#values[j] ?? 0));
  }

  /**
   * Sums of distances between values in an order: `sums[i * (n + 1) + j]` is that of each of the first `i` to each of the first `j`, so that
   * the sum of any rectangle takes four of them.
   */
  sums(order: readonly number[]): Float64Array {
    const width = order.length + 1;
    const sums = new Float64Array(width * width);
    for (let i = 1; i < width; i++) {
      let row = 0;
      for (let j = 1; j < width; j++) {
        row += this.at(order[i - 1] as number, order[j - 1] as number);
        sums[i * width + j] = (sums[(i - 1) * width + j] ?? 0) + row;
      }
    }
    return sums;
  }
}

/** Where a segment is best divided: `at` values are on the left, and how much both parts differ. */
export interface Division {
  at: number;
  statistic: number;
}

const pairsIn = (count: number) => (count * (count - 1)) / 2;

/**
 * The division of a segment with the largest scaled energy distance between what is left of it and a part of any length right of it, each of
 * at least `least` values (Matteson and James, "A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data", 2014,
 * equations 5 and 7, with the exponent 1). The part right of it need not go to the end: a rise and a fall would hide each other. `order`: the
 * indices of the segment's values, in the order in which they are to be looked at.
 */
export function bestDivision(distances: Distances, order: readonly number[], least: number): Division {
  const size = order.length;
  const width = size + 1;
  const sums = distances.sums(order);
  const sum = (rows: number, columns: number) => sums[rows * width + columns] ?? 0;
  let best: Division = { at: 0, statistic: 0 };
  for (let at = least; at <= size - least; at++) {
    const left = sum(at, at) / 2 / pairsIn(at);
    for (let end = at + least; end <= size; end++) {
      const others = end - at;
      const between = sum(at, end) - sum(at, at);
      const right = (sum(end, end) - 2 * sum(at, end) + sum(at, at)) / 2 / pairsIn(others);
      const statistic = ((at * others) / end) * ((2 / (at * others)) * between - left - right);
      if (statistic > best.statistic) best = { at, statistic };
    }
  }
  return best;
}
