import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { ExitCode, errorText, LabError, RinglabError } from '../core/errors.ts';
import { asReported } from '../core/storage.ts';
import { version } from '../core/version.ts';
import { Exit } from './exit.ts';
import { stderr, stdout } from './terminal.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** How long the clean-up may take after an exception that no caller got, ms. */
const FAULT_MS = 10_000;

/** The error of an exception that no caller got: a fault of the lab, never one of the kernel. */
function faultOf(error: unknown): RinglabError {
  const reported = asReported(error);
  if (reported instanceof RinglabError) return reported;
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new LabError(`unexpected: ${trace}`);
}

/**
 * Lets an exception that no caller got, such as that of a stream, end the run as an abort does: guests are ended and the record is
 * written. The exit code of Node would be that of a failing kernel. The caller says when the command is over.
 */
function abortOnException(abort: AbortController): { isOver: boolean } {
  const command = { isOver: false };
  process.on('uncaughtException', (error) => {
    if (abort.signal.aborted) return;
    const fault = faultOf(error);
    process.exitCode = fault.exitCode;
    abort.abort(fault);
    // A write to standard output fails after the command has ended: no one else reports it.
    if (command.isOver) return reportFailure(fault);
    // What waits for the code that threw may wait for good.
    setTimeout(() => {
      reportFailure(fault);
      process.exit(fault.exitCode);
    }, FAULT_MS).unref();
  });
  return command;
}

/** One abort for everything that runs; a second Ctrl-C does not wait for the clean-up. */
function abortOnSignal(): AbortController {
  const abort = new AbortController();
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (abort.signal.aborted && name === 'SIGINT') process.exit(ExitCode.interrupted);
      abort.abort(new RinglabError(`interrupted by ${name}`, ExitCode.interrupted));
    });
  }
  return abort;
}

/** One file a verb, loaded when it is called for: none should wait for the libraries of the others. */
const verbs: Record<string, () => Promise<(signal: AbortSignal) => CommandUnknownOpts>> = {
  doctor: async () => (await import('./doctor.ts')).doctorVerb,
  series: async () => (await import('./series.ts')).seriesVerb,
  build: async () => (await import('./build.ts')).buildVerb,
  run: async () => (await import('./run.ts')).runVerb,
  bench: async () => (await import('./bench.ts')).benchVerb,
  mutants: async () => (await import('./mutants.ts')).mutantsVerb,
  suite: async () => (await import('./suite.ts')).suiteVerb,
  compare: async () => (await import('./compare.ts')).compareVerb,
  report: async () => (await import('./report.ts')).reportVerb,
  shell: async () => (await import('./shell.ts')).shellVerb,
};

/** The command with the verb that is wanted, or with all verbs for help and errors. */
export async function program(wanted: string | undefined, signal: AbortSignal) {
  const ringlab = new Command('ringlab')
    .description('Says, with evidence, what a Linux kernel patch series changes.')
    .version(version)
    // An option of a verb may have the name of one of ours: `series import FILE --version N`.
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError('(see --help)')
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    })
    .exitOverride((error) => {
      // commander's own errors are wrong input; help and version are not errors.
      throw new Exit(error.exitCode === 0 ? ExitCode.ok : ExitCode.input);
    });
  const one = wanted === undefined ? undefined : verbs[wanted];
  for (const load of one ? [one] : Object.values(verbs)) {
    const command = (await load())(signal);
    command.copyInheritedSettings(ringlab);
    for (const inner of command.commands) inner.copyInheritedSettings(ringlab);
    ringlab.addCommand(command);
  }
  return ringlab;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof Exit) return error.code;
  if (error instanceof RinglabError) return error.exitCode;
  return ExitCode.lab;
}

/** Words a failure on standard error: an error that was thrown on purpose with its evidence, any other with its stack. */
function reportFailure(cause: unknown): void {
  const unexpected = !(cause instanceof RinglabError) && cause instanceof Error;
  stderr.write(`ringlab: ${errorText(cause)}\n${unexpected ? `${cause.stack}\n` : ''}`);
  const { detail } = Object(cause) as { detail?: unknown };
  if (detail) stderr.write(`\n${detail}\n`);
}

/** Runs one command line and sets the exit code: the only place that catches. */
export async function main(argv: readonly string[]): Promise<void> {
  const abort = abortOnSignal();
  const command = abortOnException(abort);
  try {
    await (await program(argv[0], abort.signal)).parseAsync([...argv], { from: 'user' });
  } catch (error) {
    const cause = abort.signal.aborted ? abort.signal.reason : asReported(error);
    process.exitCode = exitCodeOf(cause);
    if (!(cause instanceof Exit)) reportFailure(cause);
  } finally {
    command.isOver = true;
  }
}
