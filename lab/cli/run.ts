import { Command, Option } from '@commander-js/extra-typings';
import { render } from '../../reports/index.ts';
import { outcomeOf } from '../compare/outcome.ts';
import { ExitCode, InputError } from '../core/errors.ts';
import { quoted } from '../core/quote.ts';
import { version } from '../core/version.ts';
import { runCellSpec } from '../experiment/cell-file.ts';
import { type DryRun, dryRun } from '../experiment/dry-run.ts';
import { type Run, runPlan } from '../experiment/run.ts';
import { storePlace } from '../history/place.ts';
import { readCellSpec } from '../plan/file.ts';
import { Exit } from './exit.ts';
import {
  allowedBy,
  jobsOption,
  many,
  quietOption,
  single,
  whole,
  withAllowances,
  withGuest,
  withKernel,
} from './options.ts';
import { colors, print, printJson } from './output.ts';
import { contextFor } from './render.ts';
import { type MatrixOptions, planFrom } from './request.ts';
import { storeOption } from './store.ts';
import { stderr } from './terminal.ts';

/** The options that `run`, `bench` and `mutants` share: the matrix, and the record that they leave. */
export const matrixCommand = (name: string) =>
  withGuest(withKernel(new Command(name)))
    .addOption(single('--series <series>', 'a series by name or path: base and patched run and are compared'))
    .addOption(many('--guest <profile>', 'a guest profile (default: those the series or suites name)'))
    .addOption(
      many(
        '--suite <suite>',
        'a suite by name, or the path of your own: a folder, a program or a pattern of programs (default: those the series names, else all)',
      ),
    )
    .addOption(
      many(
        '--source <suite=place>',
        'the source of a foreign suite: a folder, a git URL or debian:PACKAGE (liburing=~/src/liburing)',
      ),
    )
    .addOption(many('--only <text>', 'only tests whose name contains this'))
    .addOption(
      single(
        '--known <file>',
        'a YAML file of kernel complaints that fail nothing, as kernels/known-complaints.yaml',
      ),
    )
    .option('--seed <n>', 'seed of the random parts (default: a new one)', whole(0))
    .addOption(jobsOption())
    .addOption(single('--out <dir>', 'folder of the run record (default: a new one under --runs)'))
    .option('--runs <dir>', 'where run records are kept', 'runs')
    .addOption(storeOption())
    .option('--no-history', 'do not add the run to the history')
    .addOption(single('--events <file>', 'write every event to this file, one JSON object a line'))
    .option('--json', 'print the summary as JSON', false)
    .option('--dry-run', 'print what would be done, with the exact QEMU command lines', false)
    .option('-v, --verbose', 'show every test and the output of the tools', false)
    .addOption(quietOption());

/** Prints what a run has found and takes its exit code. */
export function finish({ record }: Pick<Run, 'record'>, options: { json: boolean }): void {
  const { comparison, unproven, exitCode } = outcomeOf(record);
  if (options.json) printJson('run', comparison ?? (unproven ? { unproven, ...record } : record));
  else print(render('text', { record, comparison, colors }));
  for (const { message } of record.failures) stderr.write(`ringlab: ${message}\n`);
  if (exitCode !== ExitCode.ok) throw new Exit(exitCode);
}

function showDryRun(dry: DryRun, json: boolean): void {
  if (json) {
    printJson('run-dry-run', dry);
    return;
  }
  const { start, fragments } = dry.config;
  print(`kernels: ${dry.kernels.join(', ')}\nconfig: ${start} + ${fragments.join(', ')}\nseed: ${dry.seed}`);
  for (const { name, timeoutSeconds, command } of dry.cells) {
    print(`\n${name} (at most ${timeoutSeconds} s)\n  ${command.map(quoted).join(' ')}`);
  }
}

/** What `run` and `bench` share besides the matrix. */
export const comparedCommand = (name: string) =>
  withAllowances(
    matrixCommand(name).option(
      '--patched-only',
      'leave the base out: the quick loop while a series is written',
      false,
    ),
  );

type ComparedOptions = ReturnType<ReturnType<typeof comparedCommand>['opts']> & MatrixOptions;

/** The options of `matrixCommand` that say where a run is kept. */
interface RecordingOptions {
  runs: string;
  out?: string | undefined;
  store?: string | undefined;
  /** `--no-history`. */
  history: boolean;
}

/** Where the options put the run record, and its entry in the history. Throws InputError for a store that cannot be one. */
export const recordOptions = ({ runs, out, store, history }: RecordingOptions) => ({
  runsDir: runs,
  out,
  store: history ? storePlace(store) : undefined,
  version,
});

/** Runs what the options ask for, or shows it where they ask for no more. */
export async function runCompared(options: ComparedOptions, signal: AbortSignal): Promise<void> {
  const ctx = contextFor(signal, options);
  const { plan, stack } = await planFrom(options, ctx);
  if (options.dryRun) {
    showDryRun(await dryRun(plan, stack, ctx), options.json);
    return;
  }
  const run = await runPlan(plan, stack, recordOptions(options), ctx);
  ctx.renderer.finish();
  finish(run, options);
}

/** Runs one cell again, as its spec says. */
async function runCellFile(file: string, options: ComparedOptions, signal: AbortSignal): Promise<void> {
  const spec = await readCellSpec(file);
  const ctx = contextFor(signal, options);
  const run = await runCellSpec(spec, { ...recordOptions(options), allow: allowedBy(options) }, ctx);
  ctx.renderer.finish();
  finish(run, options);
}

/** Options that a cell spec answers itself. */
const ANSWERED = [
  ...(['series', 'guest', 'suite', 'only', 'kernel', 'tree', 'seed', 'dryRun'] as const),
  ...(['recipe', 'packages', 'repeat'] as const),
];

/** `ringlab run`. */
export const runVerb = (signal: AbortSignal) =>
  comparedCommand('run')
    .description(
      'Build base and patched kernel, run the suites in guests, and report what the series changes.',
    )
    .option(
      '--repeat <n>',
      'run every suite this often, in fresh guests, and say how often each test fails (default: once)',
      whole(1),
    )
    .option(
      '--restarts <n>',
      'fresh guests that a cell may take for the rest of a suite whose guest died, hung or was damaged (default: 20)',
      whole(0),
    )
    .option('--isolate', 'run each test in a separate guest', false)
    .option('--no-fork', 'boot every guest, instead of forking it of one that has booted')
    .option(
      '--confirm <n>',
      'how often a test that regressed is run again alone, on each side; 0: never (default: 2)',
      whole(0),
    )
    .addOption(
      new Option(
        '--flaky <how>',
        'whether a test that reruns show to be flaky fails the run (default: warn)',
      ).choices(['fail', 'warn'] as const),
    )
    .addOption(
      new Option(
        '--cell <file>',
        'run one cell again: cell-*.json of a run record, with the cached artefacts',
      ),
    )
    .addHelpText(
      'after',
      '\nExample: ringlab run --series nvme-uring-cmd-multipath --guest multipath\n         ringlab run --cell runs/ID/cell-NAME.json',
    )
    .action((options) => {
      const { cell } = options;
      if (cell === undefined) return runCompared(options, signal);
      const beside = ANSWERED.filter((name) => [options[name]].flat().some(Boolean));
      if (beside.length > 0) {
        throw new InputError({
          what: `a cell spec says this itself: ${beside.join(', ')}`,
          where: `--cell ${cell}`,
          expected: '--cell without options that choose a kernel, guest, suite or test',
        });
      }
      return runCellFile(cell, options, signal);
    });
