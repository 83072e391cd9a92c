import { Command } from '@commander-js/extra-typings';
import { runPlan } from '../run/pipeline.ts';
import { jobsOption, many, whole, withGuest, withKernel } from './options.ts';
import { contextFor } from './render.ts';
import { planFrom } from './request.ts';
import { finish } from './run.ts';
import { version } from './version.ts';

export const benchVerb = (signal: AbortSignal) =>
  withGuest(withKernel(new Command('bench')))
    .description(
      'Count what one I/O costs, in instructions that repeat, and compare base and patched kernel.',
    )
    .option('--series <series>', 'a series by name or path: base and patched are measured and compared')
    .addOption(many('--guest <profile>', 'a guest profile (default: plain, iommu-strict, swiotlb)'))
    .addOption(many('--only <text>', 'only workloads whose name contains this'))
    .option(
      '--boots <n>',
      'boots of each kernel and guest; their spread is what no change is told below',
      whole(1),
      3,
    )
    .option('--patched-only', 'leave the base out', false)
    .option('--seed <n>', 'seed of the random parts (default: a new one)', whole(0))
    .addOption(jobsOption())
    .option('--out <dir>', 'folder of the run record (default: a new one under --runs)')
    .option('--runs <dir>', 'where run records are kept', 'runs')
    .option('--json', 'print the summary as JSON', false)
    .option('-v, --verbose', 'show every test and the output of the tools', false)
    .addHelpText('after', "\nExample: ringlab bench --series dma-premap --guest plain --only 'read 4k'")
    .action(async (options) => {
      const ctx = contextFor(signal, options);
      // Only an emulated clock counts instructions.
      const wanted = { ...options, suite: ['bench'], icount: true, accel: 'tcg' as const };
      const { plan, stack } = await planFrom(wanted, ctx);
      const run = await runPlan(plan, stack, { runsDir: options.runs, out: options.out, version }, ctx);
      ctx.renderer.finish();
      finish(run, options);
    });
