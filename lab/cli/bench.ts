import { Option } from '@commander-js/extra-typings';
import { BENCH_REPEATS } from '../experiment/bench.ts';
import { whole } from './options.ts';
import { comparedCommand, runCompared } from './run.ts';

/** `ringlab bench`. */
export const benchVerb = (signal: AbortSignal) =>
  comparedCommand('bench')
    .description(
      'Count what one I/O costs, in instructions that repeat or in time, and compare base and patched kernel.',
    )
    .option(
      '--boots <n>',
      'boots of each kernel and guest; a difference below their spread is no change',
      whole(1),
      BENCH_REPEATS,
    )
    .addOption(
      new Option(
        '--clock <what>',
        'instructions: repeats anywhere, under emulation; time: requests a second, latencies, CPU in the kernel, needs KVM',
      )
        .choices(['instructions', 'time'])
        .default('instructions'),
    )
    .option(
      '--turns <n>',
      'how often a full queue is submitted and counted (default: by its depth)',
      whole(1),
    )
    .option('--warm-up <n>', 'turns before those that are not counted', whole(0))
    .addHelpText(
      'after',
      "\nThe suite is bench, on the guests that it names, unless others are asked for.\nExample: ringlab bench --series dma-premap --guest plain --only 'read 4k'",
    )
    .action((options) => {
      const { clock, turns, warmUp } = options;
      const bench = { clock, ...(turns && { turns }), ...(warmUp !== undefined && { warmUp }) };
      return runCompared({ ...options, bench }, signal);
    });
