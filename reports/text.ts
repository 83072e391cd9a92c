import { labelOf } from '../lab/model/compare.ts';
import { noteWords } from '../lab/model/note-words.ts';
import { isFailure } from '../lab/model/verdict.ts';
import { byClass, choicesThatDiffer, classLines, type Remark, titleOf, unprovenPasses } from './classes.ts';
import { excerpt, oneLine, PAGE, wrap } from './escape.ts';
import { figures } from './figures.ts';
import { type Colors, plain, type ReportInput } from './input.ts';
import { leftoversOf } from './leftovers.ts';
import { matrix } from './matrix.ts';
import { unprovenLines } from './unproven.ts';
import {
  brokenOf,
  complaintsOf,
  failedKernels,
  type Item,
  isClean,
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

const indent = (lines: readonly string[], by: number) => lines.map((line) => ' '.repeat(by) + line);

const line = (text: string) => `  ${oneLine(text, PAGE - 2)}`;

function kernels({ record }: ReportInput): string[] {
  const width = Math.min(40, Math.max(0, ...record.kernels.map((kernel) => kernel.name.length)));
  return record.kernels.map(({ id, side, name, release, compiler, cached, buildSeconds, failure }) => {
    const seconds = buildSeconds === undefined ? undefined : `built in ${Math.round(buildSeconds)} s`;
    const known = [release, compiler, cached ? 'built before' : seconds, failure?.verdict];
    const facts = known.filter((fact) => fact !== undefined);
    // A record of an early version may lack the facts of a kernel that ran.
    const ran = record.cells.some(({ kernel, tests }) => kernel === id && tests.length > 0);
    if (facts.length === 0 && !ran) facts.push('not built');
    // Each part is escaped alone: a whole line would lose its padding.
    return `  ${side.padEnd(7)} ${oneLine(name, 40).padEnd(width)} ${oneLine(facts.join(', '), 49)}`.trimEnd();
  });
}

function header(input: ReportInput, colors: Colors): string[] {
  const { record, comparison } = input;
  const { series, id, seed, host, cells, bench } = record;
  const patches = series ? `${series.patches.length} patch${series.patches.length === 1 ? '' : 'es'}` : '';
  const title = series ? `${series.title} (${series.name}, ${patches})` : `run ${id}`;
  const accels = [
    ...new Set(cells.flatMap(({ attempts }) => attempts.flatMap(({ qemu }) => qemu?.accel ?? []))),
  ];
  const measured = bench ? [`counts ${bench.clock}, ${bench.repeats} boots`] : [];
  const facts = [`run ${id}`, `seed ${seed}`, `${host.cores} cores`, ...accels, ...measured].join(', ');
  const warning = unsandboxedWords(record);
  const lines = [
    ...[colors.bold(oneLine(title, PAGE)), ...kernels(input), line(facts)],
    ...(series?.notes ?? []).flatMap((note) => indent(wrap(`series: ${noteWords(note)}`, PAGE - 2, 3), 2)),
    ...(warning === undefined ? [] : indent(wrap(warning, PAGE - 2, 3).map(colors.yellow), 2)),
  ];
  if (comparison?.kind !== 'runs') return lines;
  const { runs } = comparison;
  return [
    ...lines,
    line(`compares ${runs.base} (${labelOf(comparison, 'base')})`),
    line(`with ${runs.patched} (${labelOf(comparison, 'patched')})`),
  ];
}

function section(title: string, lines: readonly string[], colors: Colors): string[] {
  return lines.length === 0 ? [] : ['', colors.bold(title), ...lines];
}

function change({ base, patched }: Item): string {
  if (base && patched) return base === patched ? patched : `${base} -> ${patched}`;
  return patched ?? base ?? '';
}

/** Tests under their cells: name and verdicts, then the reason and, with `quote`, the evidence. */
function list(
  items: readonly Item[],
  paint: (text: string) => string,
  quote: boolean,
  colors: Colors,
): string[] {
  const lines: string[] = [];
  let cell = '';
  let given: string | undefined;
  for (const item of items) {
    if (item.cell !== cell) {
      lines.push(`  ${oneLine(item.cell, PAGE - 2)}`);
      given = undefined;
    }
    cell = item.cell;
    const verdicts = change(item);
    const name = oneLine(item.name, PAGE - 8 - verdicts.length);
    lines.push(`    ${name.padEnd(60)}  ${paint(verdicts)}`.trimEnd());
    // What broke a cell is the reason of each test that it lost: once for those that follow one another.
    const isGiven = item.patched === 'lost' && item.reason === given;
    if (item.reason && !isGiven) lines.push(...indent(wrap(item.reason, PAGE - 8, 3), 8));
    given = item.reason;
    if (item.confirmed) lines.push(...indent(wrap(item.confirmed, PAGE - 8, 4).map(colors.bold), 8));
    if (quote && item.detail) lines.push(...indent(excerpt(item.detail, PAGE - 10, 12), 8).map(colors.dim));
  }
  return lines;
}

function tests(input: ReportInput, colors: Colors): string[] {
  const items = itemsOf(input);
  const failing = (item: Item) => item.patched && isFailure(item.patched);
  if (!input.comparison) {
    const failed = items.filter(failing);
    return byClass(failed).flatMap(([of, own]) =>
      section(titleOf('failed', of, own), list(own, colors.red, true, colors), colors),
    );
  }
  const paints = { regressed: colors.red, fixed: colors.green } as Record<string, (text: string) => string>;
  const lists = LISTS.flatMap(({ change, title }) => {
    const listed = items.filter((item) => item.change === change);
    const paint = paints[change] ?? colors.yellow;
    const quote = change === 'regressed' || change === 'new';
    return byClass(listed).flatMap(([of, own]) =>
      section(titleOf(title, of, own), list(own, paint, quote, colors), colors),
    );
  });
  const still = items.filter((item) => item.change === 'same' && failing(item));
  return [
    ...lists,
    ...byClass(still).flatMap(([of, own]) =>
      section(titleOf('fails on both sides', of, own), list(own, colors.yellow, false, colors), colors),
    ),
  ];
}

/** What tests report that fails nothing. */
function remarks(title: string, found: readonly Remark[], colors: Colors): string[] {
  const lines = found.flatMap(({ cell, name, lines: items }) => [
    `  ${oneLine(`${cell}: ${name}`, PAGE - 2)}`,
    ...items.flatMap((item) => indent(wrap(item, PAGE - 6, 3), 6)),
  ]);
  return section(`${title} (${found.length})`, lines, colors);
}

/** Tests that left something behind, which later tests of their guest may have suffered from. */
function leftovers(input: ReportInput, colors: Colors): string[] {
  const left = leftoversOf(input).map(({ leftovers: lines, ...place }) => ({ ...place, lines }));
  return remarks('left something behind', left, colors);
}

function mutants({ record }: ReportInput, colors: Colors): string[] {
  const lines = (record.mutants ?? []).flatMap((mutant) => {
    const { name, fault } = mutant;
    const outcome = mutantOutcome(mutant);
    const paint = outcome === 'killed' ? colors.green : colors.red;
    return [
      `  ${paint(outcome.padEnd(8))} ${oneLine(name, PAGE - 11)}`,
      ...indent(wrap(mutant.broken ?? mutant.killedBy ?? fault, PAGE - 11, 2), 11),
    ];
  });
  return section(`mutants (${record.mutants?.length ?? 0})`, lines, colors);
}

function skips(input: ReportInput, colors: Colors): string[] {
  const groups = skipsOf(itemsOf(input));
  const lines = groups.flatMap(([reason, count, cells]) => [
    ...wrap(`${count} x ${reason}`, PAGE - 2, 2).map((line) => `  ${line}`),
    colors.dim(`      ${oneLine(cells.join(', '), PAGE - 6)}`),
  ]);
  return section(`skipped (${groups.reduce((sum, [, count]) => sum + count, 0)})`, lines, colors);
}

function kernelTrouble(input: ReportInput, colors: Colors): string[] {
  const complaints = complaintsOf(input);
  const quoted = complaints.flatMap(({ title, cells, text, fatal, known, line }) => [
    `  ${(fatal ? colors.red : colors.yellow)(oneLine(`${known ? '(known) ' : fatal ? '' : '(not fatal) '}${title}`, PAGE - 2))}`,
    ...(known ? wrap(`known: ${known}`, PAGE - 6, 4).map((part) => `      ${part}`) : []),
    colors.dim(`      ${oneLine(`${cells.join(', ')}; console line ${line}`, PAGE - 6)}`),
    ...indent(excerpt(text, PAGE - 6, fatal ? 30 : 3), 6),
  ]);
  const news = input.comparison ? 'new kernel complaints' : 'kernel complaints';
  const warnings = (input.comparison?.newWarnings ?? []).map((warning) => `  ${oneLine(warning, PAGE - 2)}`);
  return [
    ...section(`${news} (${complaints.length})`, quoted, colors),
    ...section(`new compiler warnings (${warnings.length})`, warnings, colors),
  ];
}

function broken(input: ReportInput, colors: Colors): string[] {
  const failed = failedKernels(input.record);
  const kernels = failed.flatMap(({ name, verdict, message, detail }) => [
    `  ${colors.red(oneLine(`${name}: ${verdict}`, PAGE - 2))}`,
    ...indent(wrap(message, PAGE - 6, 3), 6),
    ...(detail ? indent(excerpt(detail, PAGE - 6, 40), 6) : []),
  ]);
  const cells = brokenOf(input);
  const lines = cells.flatMap(({ cell, side, verdict, reason, detail }) => [
    `  ${colors.red(oneLine(`${cell} (${side}): ${verdict}`, PAGE - 2))}`,
    ...(reason ? indent(wrap(reason, PAGE - 6, 3), 6) : []),
    // The evidence of a failed kernel is shown once, not again for each of its cells.
    ...(detail && !isQuoted(input, detail) ? indent(excerpt(detail, PAGE - 6, 25), 6) : []),
  ]);
  const failures = labFailures(input.record);
  const messages = failures.flatMap(({ subject, message }) => [
    `  ${colors.red(oneLine(subject, PAGE - 2))}`,
    ...indent(excerpt(message, PAGE - 6, 12), 6),
  ]);
  return [
    ...section(`kernels that could not be made (${failed.length})`, kernels, colors),
    ...section(`broken cells (${cells.length})`, lines, colors),
    ...section(`${labTitle(input.record)} (${failures.length})`, messages, colors),
  ];
}

/** What the report does not prove, before anything else. */
function unproven(input: ReportInput, colors: Colors): string[] {
  const lines = unprovenLines(input).flatMap((text) =>
    wrap(`UNPROVEN: ${text}`, PAGE, 4).map((part, index) => (index === 0 ? part : `  ${part}`)),
  );
  return lines.map(colors.red);
}

/** On a terminal the end of a report is read first. */
function unprovenReminder(input: ReportInput, colors: Colors): string[] {
  const count = unprovenLines(input).length;
  if (count === 0) return [];
  return [colors.red(`UNPROVEN for ${count} ${count === 1 ? 'reason' : 'reasons'}: see the first lines`)];
}

/** The report for a terminal, plain without `colors`. What it does not prove is first; what went wrong is last, next to the summary. */
export function renderText(input: ReportInput): string {
  const colors = input.colors ?? plain;
  const cells = matrix(input, colors);
  return `${[
    ...unproven(input, colors),
    ...header(input, colors),
    ...(cells.length > 0 ? ['', ...cells] : []),
    ...mutants(input, colors),
    ...skips(input, colors),
    ...section('figures', figures(input), colors),
    ...tests(input, colors),
    ...remarks('choices that differ from those of this project', choicesThatDiffer(input), colors),
    ...remarks('passes that lack evidence', unprovenPasses(input), colors),
    ...leftovers(input, colors),
    ...kernelTrouble(input, colors),
    ...broken(input, colors),
    '',
    ...unprovenReminder(input, colors),
    ...classLines(input).flatMap((text) =>
      wrap(text, PAGE, 3).map((part, index) => (index === 0 ? part : `  ${part}`)),
    ),
    (isClean(input) ? colors.green : colors.bold)(summaryOf(input)),
  ].join('\n')}\n`;
}
