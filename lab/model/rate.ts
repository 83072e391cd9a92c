import { z } from 'zod';
import { isFailure, type Verdict } from './verdict.ts';

/** How often a test failed. */
export const Rate = z.object({ failed: z.number().int().min(0), runs: z.number().int().min(0) });
export type Rate = z.infer<typeof Rate>;

/** The rate of these results. A skip, and a result that did not come, is neither a pass nor a failure. */
export function rateOf(verdicts: readonly (Verdict | undefined)[]): Rate {
  const seen = verdicts.filter(
    (verdict) => verdict !== undefined && verdict !== 'skip' && verdict !== 'lost',
  );
  return { failed: seen.filter((verdict) => verdict && isFailure(verdict)).length, runs: seen.length };
}

/** Whether both outcomes were seen. */
export const isMixed = ({ failed, runs }: Rate): boolean => failed > 0 && failed < runs;

/** Quantile of the normal distribution for an interval of 95%. */
const Z = 1.959964;

/**
 * The interval that contains the true share of failures in 95 of 100 cases: `[low, high]`, 0 to 1. Wilson's score interval, which is right
 * for few runs and for shares near 0 and 1 too.
 */
export function rateInterval({ failed, runs }: Rate): [number, number] {
  if (runs === 0) return [0, 1];
  const share = failed / runs;
  const scale = 1 + Z ** 2 / runs;
  const centre = (share + Z ** 2 / (2 * runs)) / scale;
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / runs + Z ** 2 / (4 * runs ** 2));
  return [failed === 0 ? 0 : centre - half, failed === runs ? 1 : centre + half];
}

/** Runs from which on an interval says more than that nothing is known. */
const ENOUGH = 5;

const percent = (share: number) => Math.round(share * 100);

/** A rate for people: `1 of 3`, `3 of 15 (7% to 45%)`. */
export function rateWords(rate: Rate): string {
  const { failed, runs } = rate;
  const [low, high] = rateInterval(rate);
  return `${failed} of ${runs}${runs < ENOUGH ? '' : ` (${percent(low)}% to ${percent(high)}%)`}`;
}
