import { dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { type Against, formats, MAX_AGAINST, renderReport } from '../../reports/index.ts';
import { compareRecords } from '../compare/compare.ts';
import { exitCodeOfComparison } from '../compare/exit.ts';
import { outcomeOf } from '../compare/outcome.ts';
import { writeAtomic } from '../core/atomic.ts';
import { ExitCode, InputError } from '../core/errors.ts';
import type { RunRecord } from '../model/run.ts';
import { findRun } from '../record/find.ts';
import { readRecord } from '../record/record.ts';
import { Exit } from './exit.ts';
import { httpUrl, many, publishedUrl } from './options.ts';
import { colors, print } from './output.ts';
import { recordFolder } from './page.ts';
import { senderOf } from './sender.ts';
import { checkSubmission, submit, submittable, TOKEN } from './submit.ts';

/** A record, and where it was read. */
async function loadFrom(name: string, runs: string): Promise<{ record: RunRecord; path: string }> {
  const path = await findRun(name, runs);
  return { record: await readRecord(path), path };
}

/** Throws InputError for more runs to compare with than the format shows. */
function checkAgainst(against: readonly string[], format: string): void {
  const most = format === 'html' ? MAX_AGAINST : 1;
  if (against.length <= most) return;
  throw new InputError({
    what: `${against.length} runs to compare with`,
    where: '--against',
    expected: `at most ${most} with --format ${format}${most === 1 ? `, ${MAX_AGAINST} with --format html` : ''}`,
  });
}

/** Compares the record with earlier runs; what the record allows is no fault. */
async function loadAgainst(
  record: RunRecord,
  { names, runs, pageDir }: { names: readonly string[]; runs: string; pageDir: string },
): Promise<Against[]> {
  const earlier = await Promise.all(names.map((name) => loadFrom(name, runs)));
  return Promise.all(
    earlier.map(async ({ record: base, path }): Promise<Against> => {
      const comparison = compareRecords(base, record, record.plan?.allow);
      return { record: base, comparison, folder: await recordFolder(base, path, pageDir) };
    }),
  );
}

/** The comparison and the exit code of a report: of the run itself, or of all comparisons with earlier runs. */
function judge(record: RunRecord, against: readonly Against[]) {
  if (against.length === 0) return outcomeOf(record);
  const codes = against.map(({ comparison }) => exitCodeOfComparison(comparison));
  return { comparison: against[0]?.comparison, exitCode: Math.max(...codes) };
}

function originName(text: string): string {
  if (/^[a-z0-9_]+$/.test(text)) return text;
  throw new InvalidArgumentError('expected lower-case letters, digits and _.');
}

/** `ringlab report`. */
export const reportVerb = (signal: AbortSignal) =>
  new Command('report')
    .description(
      'Render a stored run as a report, and exit with the code of that run or comparison. Nothing is booted.',
    )
    .argument('<run>', 'a folder, an id, "latest", or a log of events (*.ndjson)')
    .addOption(many('--against <run...>', 'earlier runs: report what differs from them (html: up to four)'))
    .addOption(new Option('--format <format>', 'what to render').choices(formats).default('text' as const))
    .option('--out <file>', 'write to a file (default: standard output)')
    .option('--runs <dir>', 'where run records are kept', 'runs')
    .option(
      '--url <url>',
      "address where the run's folder is published, for links in the report",
      publishedUrl,
    )
    .option('--from <person>', 'sender of a mail: "Name <address>" (default: the user of git)')
    .option('--origin <name>', 'with kcidb: the CI system that reports', originName)
    .option(
      '--submit <url>',
      `POST the report (${submittable.join(', ')}) with the token of ${TOKEN}`,
      httpUrl,
    )
    .addHelpText(
      'after',
      '\nExample: ringlab report latest --format markdown --out report.md\n  ringlab report latest --against runs/monday --format html --out report.html',
    )
    .action(async (name, { against: names, format, out, runs, url, from, origin, submit: service }) => {
      const token = process.env[TOKEN] || undefined;
      if (service) checkSubmission(service, format, token);
      checkAgainst(names, format);
      const { record, path } = await loadFrom(name, runs);
      const pageDir = out === undefined ? '.' : dirname(out);
      const against = await loadAgainst(record, { names, runs, pageDir });
      const { comparison, exitCode } = judge(record, against);
      const folder = format === 'html' ? await recordFolder(record, path, pageDir) : undefined;
      const sender = format === 'mail' ? await senderOf(from, signal) : undefined;
      const input = { record, comparison, colors: out ? undefined : colors, url, sender, origin };
      const text = await renderReport(format, { ...input, folder, against });
      if (out) await writeAtomic(out, text, { followLink: true });
      if (service) print(`submitted: ${await submit(service, { format, text, token }, signal)}`);
      // A run without findings has no annotation.
      else if (!out && text !== '') print(text);
      if (exitCode !== ExitCode.ok) throw new Exit(exitCode);
    });
