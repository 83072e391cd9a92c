import { noteWords } from '../lab/model/note-words.ts';
import { isFailure } from '../lab/model/verdict.ts';
import { byClass, choicesThatDiffer, classLines, type Remark, titleOf, unprovenPasses } from './classes.ts';
import { fenced, html, markdown as md } from './escape.ts';
import { figures } from './figures.ts';
import type { ReportInput } from './input.ts';
import { leftoversOf } from './leftovers.ts';
import { rowsOf, type Tally } from './rows.ts';
import { unprovenLines } from './unproven.ts';
import {
  brokenOf,
  complaintsOf,
  failedKernels,
  type Item,
  isQuoted,
  itemsOf,
  LISTS,
  labFailures,
  labTitle,
  mutantOutcome,
  skipsOf,
  summaryOf,
  unsandboxedWords,
} from './view.ts';

const capitalised = (title: string) => `${title.charAt(0).toUpperCase()}${title.slice(1)}`;

const heading = (title: string, lines: readonly string[]) =>
  lines.length === 0 ? [] : ['', `### ${title}`, '', ...lines];

/** How much of a report is shown. */
export interface Extent {
  /** Lines of each block of evidence; 0: no evidence. */
  lines: number;
  /** Rows of each table, and entries of each list. */
  rows: number;
}

/** All rows, and evidence as long as a reader may want it. */
const FULL: Extent = { lines: 200, rows: Number.POSITIVE_INFINITY };

/** The first items that fit, and the number of the others. */
const first = <T>(items: readonly T[], { rows }: Extent) => ({
  ...{ shown: items.slice(0, rows), left: Math.max(0, items.length - rows) },
});

function table(heads: readonly string[], rows: readonly (readonly string[])[], extent: Extent): string[] {
  if (rows.length === 0) return [];
  const { shown, left } = first(rows, extent);
  const more = left > 0 ? [heads.map((_head, index) => (index === 0 ? `${left} more` : ''))] : [];
  return [heads, heads.map(() => '---'), ...shown, ...more].map((cells) => `| ${cells.join(' | ')} |`);
}

/** A block that the reader unfolds. */
const folded = (title: string, text: string, { lines }: Extent) =>
  lines === 0
    ? ['']
    : ['', `<details><summary>${html(title)}</summary>`, '', fenced(text, lines), '', '</details>', ''];

function counts(tally: Tally | undefined): string {
  if (!tally) return '';
  const { pass, fail, skip, todo, seconds, broken } = tally;
  const time = seconds === undefined ? '' : `, ${seconds.toFixed(1)} s`;
  return `${broken ? `**${broken}**, ` : ''}${pass} pass, ${fail} fail, ${skip} skip${todo ? `, ${todo} todo` : ''}${time}`;
}

function matrix(input: ReportInput, extent: Extent): string[] {
  const rows = rowsOf(input);
  if (!input.comparison)
    return table(
      ['cell', 'result'],
      rows.map(({ cell, patched }) => [md(cell), counts(patched)]),
      extent,
    );
  return table(
    ['cell', 'base', 'patched'],
    rows.map(({ cell, base, patched }) => [md(cell), counts(base), counts(patched)]),
    extent,
  );
}

function list(items: readonly Item[], quote: boolean, extent: Extent): string[] {
  const rows = items.map(({ cell, name, base, patched, reason, confirmed }) => {
    const verdicts = [base ?? '(none)', patched ?? '(none)'].join(' &rarr; ');
    return [
      md(cell),
      md(name),
      items.some((item) => item.base) ? verdicts : (patched ?? ''),
      [reason ?? '', ...(confirmed ? [confirmed] : [])].map(md).join('<br>'),
    ];
  });
  const evidence = quote ? first(items, extent).shown.filter((item) => item.detail) : [];
  return [
    ...table(['cell', 'test', 'verdict', 'reason'], rows, extent),
    ...evidence.flatMap(({ cell, name, detail }) => folded(`${cell}: ${name}`, detail ?? '', extent)),
  ];
}

function tests(input: ReportInput, extent: Extent): string[] {
  const items = itemsOf(input);
  const failing = (item: Item) => item.patched && isFailure(item.patched);
  if (!input.comparison)
    return byClass(items.filter(failing)).flatMap(([of, own]) =>
      heading(of === '' ? 'Failed' : titleOf('Failed', of, own), list(own, true, extent)),
    );
  const still = items.filter((item) => item.change === 'same' && failing(item));
  return [
    ...LISTS.flatMap(({ change, title }) => {
      const listed = items.filter((item) => item.change === change);
      const quote = change === 'regressed' || change === 'new';
      return byClass(listed).flatMap(([of, own]) =>
        heading(titleOf(capitalised(title), of, own), list(own, quote, extent)),
      );
    }),
    ...byClass(still).flatMap(([of, own]) =>
      heading(titleOf('Fails on both sides', of, own), list(own, false, extent)),
    ),
  ];
}

/** What tests report that fails nothing. */
const remarks = (title: string, found: readonly Remark[], extent: Extent): string[] =>
  heading(
    title,
    table(
      ['cell', 'test', 'what'],
      found.map(({ cell, name, lines }) => [md(cell), md(name), lines.map(md).join('<br>')]),
      extent,
    ),
  );

function trouble(input: ReportInput, extent: Extent): string[] {
  const complaints = first(complaintsOf(input), extent).shown.flatMap(
    ({ title, cells, text, fatal, known }) =>
      folded(
        `${known ? `(known: ${known}) ` : fatal ? '' : '(not fatal) '}${title} (${cells.join(', ')})`,
        text,
        extent,
      ),
  );
  const kernels = failedKernels(input.record).flatMap(({ name, verdict, message, detail }) => [
    `**${md(name)}: ${md(verdict)}**: ${md(message)}`,
    ...(detail ? folded('evidence', detail, extent) : ['']),
  ]);
  const cells = first(brokenOf(input), extent).shown.flatMap(({ cell, side, verdict, reason, detail }) => [
    `**${md(cell)} (${side}): ${md(verdict)}**${reason ? `: ${md(reason)}` : ''}`,
    ...(detail && !isQuoted(input, detail) ? folded('evidence', detail, extent) : ['']),
  ]);
  const failures = first(labFailures(input.record), extent).shown.flatMap(({ subject, message }) => [
    `**${md(subject)}**: ${md(message)}`,
    '',
  ]);
  return [
    ...heading(input.comparison ? 'New kernel complaints' : 'Kernel complaints', complaints),
    ...heading(
      'New compiler warnings',
      first(input.comparison?.newWarnings ?? [], extent).shown.map((line) => `- ${md(line)}`),
    ),
    ...heading('Kernels that could not be made', kernels),
    ...heading('Broken cells', cells),
    ...heading(capitalised(labTitle(input.record)), failures),
  ];
}

function figureTable(input: ReportInput, { rows }: Extent): string[] {
  const lines = figures(input);
  const most = Math.min(1000, rows);
  return heading('Figures', lines.length > 0 ? [fenced(lines.join('\n'), most)] : []);
}

/** The report as GitHub-flavoured Markdown: tables, and long evidence in folded blocks. */
export const renderMarkdown = (input: ReportInput): string => markdownOf(input, FULL);

/** As `renderMarkdown`, not longer than `extent` allows. */
export function markdownOf(input: ReportInput, extent: Extent): string {
  const { record } = input;
  const title = record.series?.title ?? `Run ${record.id}`;
  const warning = unsandboxedWords(record);
  const kernels = record.kernels.map(({ side, name, release, compiler }) =>
    [side, name, release ?? '', compiler ?? ''].map(md),
  );
  const skipped = skipsOf(itemsOf(input)).map(([reason, count, cells]) => [
    md(reason),
    String(count),
    md(cells.join(', ')),
  ]);
  const left = leftoversOf(input).map(({ leftovers: lines, ...place }) => ({ ...place, lines }));
  const mutants = (record.mutants ?? []).map((mutant) =>
    [mutantOutcome(mutant), mutant.name, mutant.broken ?? mutant.killedBy ?? mutant.fault].map(md),
  );
  return `${[
    ...unprovenLines(input).flatMap((text) => [`**Unproven:** ${md(text)}`, '']),
    `## ${md(title)}`,
    '',
    `**${md(summaryOf(input))}**`,
    '',
    ...classLines(input).flatMap((text) => [md(text), '']),
    ...(record.series?.notes ?? []).flatMap((note) => [`**Series:** ${md(noteWords(note))}`, '']),
    ...(warning === undefined ? [] : [`**Warning:** ${md(warning)}`, '']),
    ...table(['side', 'kernel', 'release', 'compiler'], kernels, extent),
    '',
    ...matrix(input, extent),
    ...heading('Mutants', table(['outcome', 'mutant', 'by'], mutants, extent)),
    ...tests(input, extent),
    ...heading('Skipped', table(['reason', 'tests', 'cells'], skipped, extent)),
    ...figureTable(input, extent),
    ...remarks('Choices that differ from those of this project', choicesThatDiffer(input), extent),
    ...remarks('Passes that lack evidence', unprovenPasses(input), extent),
    ...remarks('Left something behind', left, extent),
    ...trouble(input, extent),
  ]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}
