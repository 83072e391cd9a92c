import { whole } from './options.ts';
import { recordedCommand, runRecorded } from './run.ts';

export const benchVerb = (signal: AbortSignal) =>
  recordedCommand('bench')
    .description(
      'Count what one I/O costs, in instructions that repeat, and compare base and patched kernel.',
    )
    .option(
      '--boots <n>',
      'boots of each kernel and guest; their spread is what no change is told below',
      whole(1),
      3,
    )
    .addHelpText(
      'after',
      "\nThe suite is bench, on the guests that it names, unless others are asked for.\nExample: ringlab bench --series dma-premap --guest plain --only 'read 4k'",
    )
    .action((options) => {
      const suite = options.suite.length > 0 ? options.suite : ['bench'];
      // Only an emulated clock counts instructions.
      return runRecorded({ ...options, suite, icount: true, accel: 'tcg' }, signal);
    });
