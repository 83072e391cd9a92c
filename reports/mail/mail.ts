import { labelOf } from '../../lab/model/compare.ts';
import { classLines } from '../classes.ts';
import { excerpt, oneLine, wrap } from '../escape.ts';
import { findingsOf, stateOf, UNPROVEN } from '../findings.ts';
import type { ReportInput } from '../input.ts';
import { unprovenLines } from '../unproven.ts';
import { complaintsOf, failedKernels, isClean, summaryOf, unsandboxedWords } from '../view.ts';
import { headers, personOf } from './envelope.ts';
import { WIDTH } from './headers.ts';
import { reproduce } from './reproduce.ts';
import { metricRows, testRows } from './rows.ts';

const paragraph = (text: string, most = 8) => wrap(text, WIDTH, most);

const section = (title: string, lines: readonly string[]) =>
  lines.length === 0 ? [] : ['', ...paragraph(title), '', ...lines];

/** Tested-by for a run in which all is as expected; else what the author of a fix adds, marked so that no tool takes it for a tag of ours. */
function tags(input: ReportInput): string[] {
  const { sender, url } = input;
  const from = sender === undefined ? undefined : personOf(sender);
  const name = from?.name ? `${oneLine(from.name, 100)} ` : '';
  const person = from && `${name}<${oneLine(from.address, 200)}>`;
  const closes = url === undefined ? [] : [`| Closes: ${oneLine(url)}`];
  const state = stateOf(findingsOf(input));
  if (!person || (state === 'pass' && !isClean(input))) return [];
  if (state === 'pass') return ['', `Tested-by: ${person}`];
  if (state === 'warn') return [];
  return [
    ...['', 'If you fix this in a commit of its own and not in a new version of the', 'series, kindly add'],
    ...[`| Reported-by: ${person}`, ...closes],
  ];
}

const RULE = '='.repeat(WIDTH);

/** The axes that all rows share, as LKP's mails begin their tables. */
function axes({ record, comparison }: ReportInput): string[] {
  const compilers = [...new Set(record.kernels.flatMap(({ compiler }) => compiler ?? []))];
  const accels = [
    ...new Set(record.cells.flatMap(({ attempts }) => attempts.flatMap(({ qemu }) => qemu?.accel ?? []))),
  ];
  const { config } = record.plan ?? {};
  const values = [
    ...(compilers.length > 0 ? [['compiler', compilers.join('+')]] : []),
    ...(config ? [['config', config.start + (config.debug ? '+debug' : '')]] : []),
    ...(accels.length > 0 ? [['accelerator', accels.join('+')]] : []),
    ['seed', String(record.seed)],
  ];
  const sides = comparison
    ? (['base', 'patched'] as const).map((side) => `${side.padEnd(8)} ${labelOf(comparison, side)}`)
    : record.kernels.map(({ name, release }) => [name, ...(release ? [`(${release})`] : [])].join(' '));
  return [
    RULE,
    `${values.map(([key]) => key).join('/')}:`,
    ...wrap(values.map(([, value]) => value).join('/'), WIDTH - 2, 3).map((line) => `  ${line}`),
    ...['', 'kernel:', ...sides.map((line) => `  ${oneLine(line, WIDTH - 2)}`)],
  ];
}

/** What neither the first lines nor a row of a table say. */
function findings(input: ReportInput): string[] {
  const { comparison } = input;
  const inTable = new Set(comparison?.tests.map(({ cell, name }) => `${cell}: ${name}`));
  return findingsOf(input)
    .filter(({ title }) => title !== UNPROVEN && !inTable.has(title))
    .slice(0, 30)
    .flatMap(({ title, message }) =>
      wrap(`${title}: ${message}`, WIDTH - 4, 4).map((line, index) =>
        index === 0 ? `- ${line}` : `  ${line}`,
      ),
    );
}

function evidence(input: ReportInput): string[] {
  const failed = failedKernels(input.record).flatMap(({ name, detail }) =>
    detail === '' ? [] : [`${oneLine(name, WIDTH - 1)}:`, ...excerpt(detail, WIDTH, 40), ''],
  );
  const complaints = complaintsOf(input)
    .filter(({ fatal, known }) => fatal && known === undefined)
    .flatMap(({ text }) => [...excerpt(text, WIDTH, 40), '']);
  return [...failed, ...complaints];
}

function greeting({ record }: ReportInput): string[] {
  const { series, kernels } = record;
  const releases = [...new Set(kernels.flatMap(({ release }) => release ?? []))].join(', ');
  const on = releases === '' ? '' : ` on ${releases}`;
  if (!series) return paragraph(`Results of a run of ringlab${on}.`);
  const count = `${series.patches.length} ${series.patches.length === 1 ? 'patch' : 'patches'}`;
  const version = series.version === undefined ? '' : `v${series.version}, `;
  return paragraph(`Tested by ringlab: "${series.title}" (${version}${count})${on}.`);
}

/**
 * A plain-text mail of at most 78 columns in the layout of the kernel's test robot (LKP), with the headers that put it into the thread of
 * the series: `git send-email` sends it. Rows have `fail:runs` on base and patched; `>>` marks what the series breaks.
 */
export function renderMail(input: ReportInput): string {
  const warning = unsandboxedWords(input.record);
  const body = [
    ...unprovenLines(input).flatMap((line) => paragraph(`UNPROVEN: ${line}`)),
    ...greeting(input),
    ...paragraph(summaryOf(input)),
    ...classLines(input).flatMap((line) => paragraph(line)),
    ...(warning === undefined ? [] : paragraph(`WARNING: ${warning}`)),
    ...tags(input),
    ...section('Findings:', findings(input)),
    ...['', ...axes(input), '', ...testRows(input)],
    ...(metricRows(input).length > 0 ? ['', ...metricRows(input)] : []),
    ...section('The kernel says:', evidence(input)),
    ...section('To reproduce:', reproduce(input)),
    ...(input.url === undefined ? [] : section('The record with all logs:', [oneLine(input.url)])),
  ];
  return `${[...headers(input), '', ...body]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}
