import type { StageContext } from '../model/event.ts';
import { findingOf, isCompiled, stepOf, withoutRoots } from './log.ts';

/** Measured on the usual config of 6.12 (2076 for 796): targets named in the log of a full build for each option that is on. */
const targetsPerOption = 2.6;

/** How many targets a build from nothing will name, before one has been seen. */
export function estimateTargets(config: string): number {
  return Math.round((config.match(/^CONFIG_\w+=[ym]$/gm)?.length ?? 0) * targetsPerOption);
}

/**
 * Turns make's lines into events: `progress` for each target (with `total` when `expected` is given) and `line` for warnings
 * and errors.
 */
export function follow(
  { emit }: StageContext,
  kernel: string,
  roots: readonly string[],
  { done: first, expected }: { done: number; expected?: number },
): (line: string) => void {
  let done = first;
  return (line) => {
    const step = stepOf(line);
    if (step) {
      if (!isCompiled(step)) return;
      done++;
      const total = expected === undefined ? {} : { total: Math.max(expected, done) };
      emit({ type: 'kernel.progress', kernel, target: step.target, done, ...total });
    } else if (findingOf(line, roots))
      emit({ type: 'kernel.output', kernel, line: withoutRoots(line, roots) });
  };
}
