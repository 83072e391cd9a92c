import { Command } from '@commander-js/extra-typings';
import { ExitCode, errorText, RinglabError } from '../core/errors.ts';
import { buildVerb } from './build.ts';
import { compareVerb } from './compare.ts';
import { doctorVerb } from './doctor.ts';
import { Exit } from './exit.ts';
import { mutantsVerb } from './mutants.ts';
import { reportVerb } from './report.ts';
import { runVerb } from './run.ts';
import { seriesVerb } from './series.ts';
import { shellVerb } from './shell.ts';
import { version } from './version.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

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

function program(signal: AbortSignal) {
  const ringlab = new Command('ringlab')
    .description('Says, with evidence, what a Linux kernel patch series changes.')
    .version(version)
    .showSuggestionAfterError()
    .showHelpAfterError('(see --help)')
    .configureHelp({ showGlobalOptions: false })
    .exitOverride((error) => {
      // commander's own errors are wrong input; help and version are not errors.
      throw new Exit(error.exitCode === 0 ? ExitCode.ok : ExitCode.input);
    });
  for (const verb of [
    doctorVerb,
    seriesVerb,
    buildVerb,
    runVerb,
    mutantsVerb,
    compareVerb,
    reportVerb,
    shellVerb,
  ]) {
    const command = verb(signal);
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

/** Runs one command line and sets the exit code: the only place that catches. */
export async function main(argv: readonly string[]): Promise<void> {
  const abort = abortOnSignal();
  try {
    await program(abort.signal).parseAsync([...argv], { from: 'user' });
  } catch (error) {
    const cause = abort.signal.aborted ? abort.signal.reason : error;
    process.exitCode = exitCodeOf(cause);
    if (cause instanceof Exit) return;
    const unexpected = !(cause instanceof RinglabError) && cause instanceof Error;
    process.stderr.write(`ringlab: ${errorText(cause)}\n${unexpected ? `${cause.stack}\n` : ''}`);
    if ('detail' in Object(cause) && cause.detail) process.stderr.write(`\n${cause.detail}\n`);
  }
}
