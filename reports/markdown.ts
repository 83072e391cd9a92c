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

const table = (heads: readonly string[], rows: readonly (readonly string[])[]) =>
  rows.length === 0
    ? []
    : [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);

/** A block that the reader unfolds. */
const folded = (title: string, text: string) => [
  '',
  `<details><summary>${html(title)}</summary>`,
  '',
  fenced(text),
  '',
  '</details>',
  '',
];

function counts(tally: Tally | undefined): string {
  if (!tally) return '';
  const { pass, fail, skip, todo, seconds, broken } = tally;
  const time = seconds === undefined ? '' : `, ${seconds.toFixed(1)} s`;
  return `${broken ? `**${broken}**, ` : ''}${pass} pass, ${fail} fail, ${skip} skip${todo ? `, ${todo} todo` : ''}${time}`;
}

function matrix(input: ReportInput): string[] {
  const rows = rowsOf(input);
  if (!input.comparison)
    return table(
      ['cell', 'result'],
      rows.map(({ cell, patched }) => [md(cell), counts(patched)]),
    );
  return table(
    ['cell', 'base', 'patched'],
    rows.map(({ cell, base, patched }) => [md(cell), counts(base), counts(patched)]),
  );
}

function list(items: readonly Item[], quote: boolean): string[] {
  const rows = items.map(({ cell, name, base, patched, reason, confirmed }) => {
    const verdicts = [base ?? '(none)', patched ?? '(none)'].join(' &rarr; ');
    return [
      md(cell),
      md(name),
      items.some((item) => item.base) ? verdicts : (patched ?? ''),
      [reason ?? '', ...(confirmed ? [confirmed] : [])].map(md).join('<br>'),
    ];
  });
  const evidence = quote ? items.filter((item) => item.detail) : [];
  return [
    ...table(['cell', 'test', 'verdict', 'reason'], rows),
    ...evidence.flatMap(({ cell, name, detail }) => folded(`${cell}: ${name}`, detail ?? '')),
  ];
}

function tests(input: ReportInput): string[] {
  const items = itemsOf(input);
  const failing = (item: Item) => item.patched && isFailure(item.patched);
  if (!input.comparison)
    return byClass(items.filter(failing)).flatMap(([of, own]) =>
      heading(of === '' ? 'Failed' : titleOf('Failed', of, own), list(own, true)),
    );
  const still = items.filter((item) => item.change === 'same' && failing(item));
  return [
    ...LISTS.flatMap(({ change, title }) => {
      const listed = items.filter((item) => item.change === change);
      const quote = change === 'regressed' || change === 'new';
      return byClass(listed).flatMap(([of, own]) =>
        heading(titleOf(capitalised(title), of, own), list(own, quote)),
      );
    }),
    ...byClass(still).flatMap(([of, own]) =>
      heading(titleOf('Fails on both sides', of, own), list(own, false)),
    ),
  ];
}

/** What tests report that fails nothing. */
const remarks = (title: string, found: readonly Remark[]): string[] =>
  heading(
    title,
    table(
      ['cell', 'test', 'what'],
      found.map(({ cell, name, lines }) => [md(cell), md(name), lines.map(md).join('<br>')]),
    ),
  );

function trouble(input: ReportInput): string[] {
  const complaints = complaintsOf(input).flatMap(({ title, cells, text, fatal, known }) =>
    folded(
      `${known ? `(known: ${known}) ` : fatal ? '' : '(not fatal) '}${title} (${cells.join(', ')})`,
      text,
    ),
  );
  const kernels = failedKernels(input.record).flatMap(({ name, verdict, message, detail }) => [
    `**${md(name)}: ${md(verdict)}**: ${md(message)}`,
    ...(detail ? folded('evidence', detail) : ['']),
  ]);
  const cells = brokenOf(input).flatMap(({ cell, side, verdict, reason, detail }) => [
    `**${md(cell)} (${side}): ${md(verdict)}**${reason ? `: ${md(reason)}` : ''}`,
    ...(detail && !isQuoted(input, detail) ? folded('evidence', detail) : ['']),
  ]);
  const failures = labFailures(input.record).flatMap(({ subject, message }) => [
    `**${md(subject)}**: ${md(message)}`,
    '',
  ]);
  return [
    ...heading(input.comparison ? 'New kernel complaints' : 'Kernel complaints', complaints),
    ...heading(
      'New compiler warnings',
      (input.comparison?.newWarnings ?? []).map((line) => `- ${md(line)}`),
    ),
    ...heading('Kernels that could not be made', kernels),
    ...heading('Broken cells', cells),
    ...heading(capitalised(labTitle(input.record)), failures),
  ];
}

function figureTable(input: ReportInput): string[] {
  const lines = figures(input);
  return heading('Figures', lines.length > 0 ? [fenced(lines.join('\n'), 1000)] : []);
}

/** The report as GitHub-flavoured Markdown: tables, and long evidence in folded blocks. */
export function renderMarkdown(input: ReportInput): string {
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
    ...table(['side', 'kernel', 'release', 'compiler'], kernels),
    '',
    ...matrix(input),
    ...heading('Mutants', table(['outcome', 'mutant', 'by'], mutants)),
    ...tests(input),
    ...heading('Skipped', table(['reason', 'tests', 'cells'], skipped)),
    ...figureTable(input),
    ...remarks('Choices that differ from those of this project', choicesThatDiffer(input)),
    ...remarks('Passes that lack evidence', unprovenPasses(input)),
    ...remarks('Left something behind', left),
    ...trouble(input),
  ]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}
