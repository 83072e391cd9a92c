import { Command } from '@commander-js/extra-typings';
import { render } from '../../reports/index.ts';
import { compareSides, exitCodeOf } from '../compare/compare.ts';
import { ExitCode, errorText } from '../core/errors.ts';
import { quoted } from '../core/quote.ts';
import { type DryRun, dryRun } from '../experiment/dry-run.ts';
import { type Run, runPlan } from '../experiment/run.ts';
import { Exit } from './exit.ts';
import { jobsOption, many, whole, withGuest, withKernel } from './options.ts';
import { print, printJson } from './output.ts';
import { contextFor } from './render.ts';
import { type MatrixOptions, planFrom } from './request.ts';
import { version } from './version.ts';

/** The matrix options that `run`, `bench` and `mutants` share. */
export const matrixCommand = (name: string) =>
  withGuest(withKernel(new Command(name)))
    .option('--series <series>', 'a series by name or path: base and patched run and are compared')
    .addOption(many('--guest <profile>', 'a guest profile (default: those the series or suites name)'))
    .addOption(
      many(
        '--suite <suite>',
        'a suite by name, or the path of your own: a folder or a program (default: those the series names, else all)',
      ),
    )
    .addOption(many('--only <text>', 'only tests whose name contains this'))
    .option(
      '--known <file>',
      'a YAML file of kernel complaints that fail nobody, as kernels/known-complaints.yaml',
    )
    .option('--seed <n>', 'seed of the random parts (default: a new one)', whole(0))
    .addOption(jobsOption())
    .option('--json', 'print the summary as JSON', false)
    .option('--dry-run', 'print what would be done, with the exact QEMU command lines', false)
    .option('-v, --verbose', 'show every test and the output of the tools', false);

/** Prints what a run has found and takes its exit code. */
function finish(run: Run, options: { json: boolean }): void {
  const { record } = run;
  const comparison = record.kernels.length > 1 ? compareSides(record) : undefined;
  if (options.json) printJson(comparison ?? record);
  else print(render('text', { record, comparison }));
  for (const failure of run.labFailures) process.stderr.write(`ringlab: ${errorText(failure)}\n`);
  if (run.labFailures.length > 0) throw new Exit(ExitCode.lab);
  const code = exitCodeOf(comparison ?? record);
  if (code !== ExitCode.ok) throw new Exit(code);
}

function showDryRun(dry: DryRun, json: boolean): void {
  if (json) {
    printJson(dry);
    return;
  }
  const { start, fragments } = dry.config;
  print(`kernels: ${dry.kernels.join(', ')}\nconfig: ${start} + ${fragments.join(', ')}\nseed: ${dry.seed}`);
  for (const { name, timeoutSeconds, command } of dry.cells) {
    print(`\n${name} (at most ${timeoutSeconds} s)\n  ${command.map(quoted).join(' ')}`);
  }
}

/** What the verbs that leave a record share: `run` and `bench`. */
export const recordedCommand = (name: string) =>
  matrixCommand(name)
    .option('--patched-only', 'leave the base out: the quick loop while a series is written', false)
    .option('--out <dir>', 'folder of the run record (default: a new one under --runs)')
    .option('--runs <dir>', 'where run records are kept', 'runs');

type RecordedOptions = ReturnType<ReturnType<typeof recordedCommand>['opts']> & MatrixOptions;

/** Runs what the options ask for, or shows it where they ask for no more. */
export async function runRecorded(options: RecordedOptions, signal: AbortSignal): Promise<void> {
  const ctx = contextFor(signal, options);
  const { plan, stack } = await planFrom(options, ctx);
  if (options.dryRun) {
    showDryRun(dryRun(plan, stack), options.json);
    return;
  }
  const run = await runPlan(plan, stack, { runsDir: options.runs, out: options.out, version }, ctx);
  ctx.renderer.finish();
  finish(run, options);
}

export const runVerb = (signal: AbortSignal) =>
  recordedCommand('run')
    .description('Build base and patched kernel, run the suites in guests, and say what the series changes.')
    .addHelpText('after', '\nExample: ringlab run --series nvme-uring-cmd-multipath --guest multipath')
    .action((options) => runRecorded(options, signal));
