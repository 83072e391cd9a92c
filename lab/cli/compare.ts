import { Command } from '@commander-js/extra-typings';
import { render } from '../../reports/index.ts';
import { compareRecords } from '../compare/compare.ts';
import { exitCodeOfComparison } from '../compare/exit.ts';
import { ExitCode } from '../core/errors.ts';
import { loadRun } from '../record/load.ts';
import { Exit } from './exit.ts';
import { allowedBy, withAllowances } from './options.ts';
import { colors, print, printJson } from './output.ts';

/** `ringlab compare`. */
export const compareVerb = (_signal: AbortSignal) =>
  withAllowances(new Command('compare'))
    .description('Say what differs between two runs. Nothing is booted.')
    .argument('<a>', 'the run to start from: a folder, an id or "latest"')
    .argument('<b>', 'the run to compare with it')
    .option('--runs <dir>', 'where run records are kept', 'runs')
    .option('--json', 'print the comparison as JSON', false)
    .addHelpText(
      'after',
      '\nExit code 1: the later run is worse, or does not prove that it is not.\nExample: ringlab compare runs/monday runs/tuesday',
    )
    .action(async (a, b, { runs, json, ...allowances }) => {
      const [from, to] = await Promise.all([loadRun(a, runs), loadRun(b, runs)]);
      const comparison = compareRecords(from, to, allowedBy(allowances));
      if (json) printJson('comparison', comparison);
      else print(render('text', { record: to, comparison, colors }));
      const code = exitCodeOfComparison(comparison);
      if (code !== ExitCode.ok) throw new Exit(code);
    });
