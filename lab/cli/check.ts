import { Command, Option } from '@commander-js/extra-typings';
import { checkOf } from '../../reports/check.ts';
import { outcomeOf } from '../compare/outcome.ts';
import type { CheckResult } from '../model/check.ts';
import { findRunOfMail } from '../record/of-mail.ts';
import { identifyMail } from '../series/index.ts';
import { publishedUrl } from './options.ts';
import { print, printJson } from './output.ts';
import { readStandardInput } from './standard-input.ts';

/**
 * Lines for `b4 am --check` and `b4 prep --check`, which take a line with `ERROR:` for a failure, any other for a warning, and none for
 * a check that passed: a patch that no run has tested must have a line too.
 */
function lines(result: CheckResult | undefined): string[] {
  if (!result) return ['WARNING: no run has tested this patch'];
  const { status, summary, details } = result;
  if (status === 'pass') return [];
  const found = details.split('\n').filter((line) => /^(?:ERROR|WARNING): /.test(line));
  return [`${status === 'fail' ? 'ERROR' : 'WARNING'}: ${summary}`, ...found];
}

/** `ringlab check`. */
export const checkVerb = (signal: AbortSignal) =>
  new Command('check')
    .description('Say what the newest run of a patch found. The mail is on standard input, as b4 gives it.')
    .option('--runs <dir>', 'where run records are kept', 'runs')
    .addOption(
      new Option('--format <format>', 'json: for b4 review; lines: for b4 am and b4 prep')
        .choices(['json', 'lines'] as const)
        .default('json' as const),
    )
    .option(
      '--url <url>',
      'address where the folders of runs are published, for a link to the run',
      publishedUrl,
    )
    .addHelpText(
      'after',
      '\nExit code 0: the answer is on standard output. A patch that no run has tested has none: [].\nExample: ringlab check --runs /srv/ringlab/runs',
    )
    .action(async ({ runs, format, url }) => {
      const bytes = await readStandardInput('one mail: a patch or a cover letter', signal);
      const mail = identifyMail(bytes, 'standard input');
      const record = await findRunOfMail(mail, runs, signal);
      const published =
        url === undefined || !record ? {} : { url: `${url}/${encodeURIComponent(record.id)}` };
      const result = record && checkOf({ record, comparison: outcomeOf(record).comparison, ...published });
      if (format === 'json') printJson('check', result ? [result] : []);
      else for (const line of lines(result)) print(line);
    });
