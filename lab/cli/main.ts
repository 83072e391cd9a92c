import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { ExitCode } from '../core/errors.ts';
import { version } from '../core/version.ts';
import { runToEnd } from './ending.ts';
import { Exit } from './exit.ts';
import { stderr, stdout } from './terminal.ts';

/** One file a verb, loaded when it is called for: none should wait for the libraries of the others. */
const verbs: Record<string, () => Promise<(signal: AbortSignal) => CommandUnknownOpts>> = {
  doctor: async () => (await import('./doctor.ts')).doctorVerb,
  series: async () => (await import('./series.ts')).seriesVerb,
  source: async () => (await import('./source.ts')).sourceVerb,
  build: async () => (await import('./build.ts')).buildVerb,
  run: async () => (await import('./run.ts')).runVerb,
  bench: async () => (await import('./bench.ts')).benchVerb,
  mutants: async () => (await import('./mutants.ts')).mutantsVerb,
  suite: async () => (await import('./suite.ts')).suiteVerb,
  compare: async () => (await import('./compare.ts')).compareVerb,
  check: async () => (await import('./check.ts')).checkVerb,
  report: async () => (await import('./report.ts')).reportVerb,
  results: async () => (await import('./results.ts')).resultsVerb,
  cp: async () => (await import('./cp.ts')).cpVerb,
  guest: async () => (await import('./guest.ts')).guestVerb,
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

/** Runs one command line and sets the exit code. */
export const main = (argv: readonly string[]): Promise<void> =>
  runToEnd(async (signal) => (await program(argv[0], signal)).parseAsync([...argv], { from: 'user' }));
