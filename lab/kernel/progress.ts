import type { StageContext } from '../model/event.ts';
import { diagnosticOf, isCompiled, stepOf, withoutRoots } from './log.ts';

/** Measured on the usual config of Linux 6.12: the log of a full build names 2076 targets for 796 enabled options. */
const TARGETS_PER_OPTION = 2.6;

/** Events of one build, characters of a target's name and of a line: a build may print anything. */
const MAX_EVENTS = 50_000;
const MAX_TARGET = 300;
const MAX_LINE = 1000;

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
  let reported = 0;
  return (line) => {
    if (reported >= MAX_EVENTS) return;
    const step = stepOf(line);
    if (step) {
      if (!isCompiled(step)) return;
      done++;
      reported++;
      const total = expected === undefined ? {} : { total: Math.max(expected, done) };
      emit({ type: 'kernel.progress', kernel, target: step.target.slice(0, MAX_TARGET), done, ...total });
    } else if (diagnosticOf(line, roots)) {
      reported++;
      emit({ type: 'kernel.output', kernel, line: withoutRoots(line, roots).slice(0, MAX_LINE) });
    }
  };
}
