import { Command, Option } from '@commander-js/extra-typings';
import { formats, render } from '../../reports/index.ts';
import { compareSides } from '../compare/compare.ts';
import { writeAtomic } from '../core/atomic.ts';
import { findRun, readRecord } from '../record/record.ts';
import { print } from './output.ts';

export const reportVerb = (_signal: AbortSignal) =>
  new Command('report')
    .description('Render a stored run as a report. Nothing is booted.')
    .argument('<run>', 'a folder, an id or "latest"')
    .addOption(new Option('--format <format>', 'what to render').choices(formats).default('text' as const))
    .option('--out <file>', 'write to a file (default: standard output)')
    .option('--runs <dir>', 'where run records are kept', 'runs')
    .addHelpText('after', '\nExample: ringlab report latest --format markdown --out report.md')
    .action(async (name, { format, out, runs }) => {
      const record = await readRecord(await findRun(name, runs));
      const comparison = record.kernels.length > 1 ? compareSides(record) : undefined;
      const text = render(format, { record, comparison });
      if (out) await writeAtomic(out, text);
      else print(text);
    });
