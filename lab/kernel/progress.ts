import type { StageContext } from '../model/event.ts';
import { diagnosticOf, isCompiled, stepOf, withoutRoots } from './log.ts';

/** Measured on the usual config of Linux 6.12: the log of a full build names 2076 targets for 796 enabled options. */
const TARGETS_PER_OPTION = 2.6;

/** Estimated number of targets in the log of a full build. */
export function estimateTargets(config: string): number {
  return Math.round((config.match(/^CONFIG_\w+=[ym]$/gm)?.length ?? 0) * TARGETS_PER_OPTION);
}

/**
 * A listener for lines of make that emits `kernel.progress` for each target and `kernel.output` for each warning and error.
 * `done` counts from the targets made earlier; `total` is given only when `expected` is.
 */
export function progressReporter(
  { emit }: StageContext,
  kernel: string,
  roots: readonly string[],
  { done: madeEarlier, expected }: { done: number; expected?: number },
): (line: string) => void {
  let done = madeEarlier;
  return (line) => {
    const step = stepOf(line);
    if (step) {
      if (!isCompiled(step)) return;
      done++;
      const total = expected === undefined ? {} : { total: Math.max(expected, done) };
      emit({ type: 'kernel.progress', kernel, target: step.target, done, ...total });
    } else if (diagnosticOf(line, roots))
      emit({ type: 'kernel.output', kernel, line: withoutRoots(line, roots) });
  };
}
