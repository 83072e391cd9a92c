import { Command, Option } from '@commander-js/extra-typings';
import { formats, render } from '../../reports/index.ts';
import { outcomeOf } from '../compare/outcome.ts';
import { writeAtomic } from '../core/atomic.ts';
import { ExitCode } from '../core/errors.ts';
import { loadRun } from '../record/load.ts';
import { Exit } from './exit.ts';
import { colors, print } from './output.ts';

/** `ringlab report`. */
export const reportVerb = (_signal: AbortSignal) =>
  new Command('report')
    .description('Render a stored run as a report, and exit with the code of that run. Nothing is booted.')
    .argument('<run>', 'a folder, an id, "latest", or a log of events (*.ndjson)')
    .addOption(new Option('--format <format>', 'what to render').choices(formats).default('text' as const))
    .option('--out <file>', 'write to a file (default: standard output)')
    .option('--runs <dir>', 'where run records are kept', 'runs')
    .addHelpText('after', '\nExample: ringlab report latest --format markdown --out report.md')
    .action(async (name, { format, out, runs }) => {
      const record = await loadRun(name, runs);
      const { comparison, exitCode } = outcomeOf(record);
      const text = render(format, { record, comparison, colors: out ? undefined : colors });
      if (out) await writeAtomic(out, text, { followLink: true });
      else print(text);
      if (exitCode !== ExitCode.ok) throw new Exit(exitCode);
    });
