import { labelOf } from '../lab/model/compare.ts';
import { isFailure } from '../lab/model/verdict.ts';
import { excerpt, oneLine, wrap } from './escape.ts';
import { figures } from './figures.ts';
import { type Colors, plain, type ReportInput } from './input.ts';
import { matrix } from './matrix.ts';
import {
  brokenOf,
  complaintsOf,
  failedKernels,
  type Item,
  isQuoted,
  itemsOf,
  LISTS,
  skipsOf,
  summaryOf,
} from './view.ts';

/** Columns of the page; figures may make a row longer, text never does. */
const WIDTH = 100;

const indent = (lines: readonly string[], by: number) => lines.map((line) => ' '.repeat(by) + line);

const line = (text: string) => `  ${oneLine(text, WIDTH - 2)}`;

function kernels({ record }: ReportInput): string[] {
  const width = Math.min(40, Math.max(0, ...record.kernels.map((kernel) => kernel.name.length)));
  return record.kernels.map(({ side, name, release, compiler, cached, buildSeconds }) => {
    const seconds = buildSeconds === undefined ? undefined : `built in ${Math.round(buildSeconds)} s`;
    const facts = [release, compiler, cached ? 'built before' : seconds].filter((fact) => fact !== undefined);
    // Each part is made safe by itself, so that the padding stays.
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
  const counted = bench ? [`counts ${bench.clock}, ${bench.repeats} boots`] : [];
  const facts = [`run ${id}`, `seed ${seed}`, `${host.cores} cores`, ...accels, ...counted].join(', ');
  const lines = [colors.bold(oneLine(title, WIDTH)), ...kernels(input), line(facts)];
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

/** Tests under their cells: name and verdicts, then the reason, then the evidence where `quote` asks for it. */
function list(
  items: readonly Item[],
  paint: (text: string) => string,
  quote: boolean,
  colors: Colors,
): string[] {
  const lines: string[] = [];
  let cell = '';
  for (const item of items) {
    if (item.cell !== cell) lines.push(`  ${oneLine(item.cell, WIDTH - 2)}`);
    cell = item.cell;
    const verdicts = change(item);
    const name = oneLine(item.name, WIDTH - 8 - verdicts.length);
    lines.push(`    ${name.padEnd(60)}  ${paint(verdicts)}`.trimEnd());
    if (item.reason) lines.push(...indent(wrap(item.reason, WIDTH - 8, 3), 8));
    if (quote && item.detail) lines.push(...indent(excerpt(item.detail, WIDTH - 10, 12), 8).map(colors.dim));
  }
  return lines;
}

function tests(input: ReportInput, colors: Colors): string[] {
  const items = itemsOf(input);
  const failing = (item: Item) => item.patched && isFailure(item.patched);
  if (!input.comparison) {
    const failed = items.filter(failing);
    return section(`failed (${failed.length})`, list(failed, colors.red, true, colors), colors);
  }
  const paints = { regressed: colors.red, fixed: colors.green } as Record<string, (text: string) => string>;
  const lists = LISTS.flatMap(({ change, title }) => {
    const found = items.filter((item) => item.change === change);
    const lines = list(
      found,
      paints[change] ?? colors.yellow,
      change === 'regressed' || change === 'new',
      colors,
    );
    return section(`${title} (${found.length})`, lines, colors);
  });
  const still = items.filter((item) => item.change === 'same' && failing(item));
  return [
    ...lists,
    ...section(`fails on both sides (${still.length})`, list(still, colors.yellow, false, colors), colors),
  ];
}

function skips(input: ReportInput, colors: Colors): string[] {
  const groups = skipsOf(itemsOf(input));
  const lines = groups.flatMap(([reason, count, cells]) => [
    ...wrap(`${count} x ${reason}`, WIDTH - 2, 2).map((line) => `  ${line}`),
    colors.dim(`      ${oneLine(cells.join(', '), WIDTH - 6)}`),
  ]);
  return section(`skipped (${groups.reduce((sum, [, count]) => sum + count, 0)})`, lines, colors);
}

function kernelTrouble(input: ReportInput, colors: Colors): string[] {
  const complaints = complaintsOf(input);
  const quoted = complaints.flatMap(({ title, cells, text, fatal, known, line }) => [
    `  ${(fatal ? colors.red : colors.yellow)(oneLine(`${known ? '(known) ' : fatal ? '' : '(not fatal) '}${title}`, WIDTH - 2))}`,
    ...(known ? wrap(`known: ${known}`, WIDTH - 6, 4).map((part) => `      ${part}`) : []),
    colors.dim(`      ${oneLine(`${cells.join(', ')}; console line ${line}`, WIDTH - 6)}`),
    ...indent(excerpt(text, WIDTH - 6, fatal ? 30 : 3), 6),
  ]);
  const news = input.comparison ? 'new kernel complaints' : 'kernel complaints';
  const warnings = (input.comparison?.newWarnings ?? []).map((warning) => `  ${oneLine(warning, WIDTH - 2)}`);
  return [
    ...section(`${news} (${complaints.length})`, quoted, colors),
    ...section(`new compiler warnings (${warnings.length})`, warnings, colors),
  ];
}

function broken(input: ReportInput, colors: Colors): string[] {
  const failed = failedKernels(input.record);
  const failures = failed.flatMap(({ name, verdict, message, detail }) => [
    `  ${colors.red(oneLine(`${name}: ${verdict}`, WIDTH - 2))}`,
    ...indent(wrap(message, WIDTH - 6, 3), 6),
    ...indent(excerpt(detail, WIDTH - 6, 40), 6),
  ]);
  const cells = brokenOf(input);
  const lines = cells.flatMap(({ cell, side, verdict, reason, detail }) => [
    `  ${colors.red(oneLine(`${cell} (${side}): ${verdict}`, WIDTH - 2))}`,
    ...indent(wrap(reason ?? '', WIDTH - 6, 3), 6),
    // What the kernel's own failure showed above is not shown again for each of its cells.
    ...(detail && !isQuoted(input, detail) ? indent(excerpt(detail, WIDTH - 6, 25), 6) : []),
  ]);
  return [
    ...section(`kernels that could not be made (${failed.length})`, failures, colors),
    ...section(
      `broken cells (${cells.length})`,
      lines.filter((line) => line.trim() !== ''),
      colors,
    ),
  ];
}

/** The report for a terminal, plain unless `colors` are given. What went wrong comes last, next to the summary. */
export function renderText(input: ReportInput): string {
  const colors = input.colors ?? plain;
  const { comparison } = input;
  const bad = comparison ? comparison.regressed + comparison.failed : 1;
  return `${[
    ...header(input, colors),
    '',
    ...matrix(input, colors),
    ...skips(input, colors),
    ...section('figures', figures(input), colors),
    ...tests(input, colors),
    ...kernelTrouble(input, colors),
    ...broken(input, colors),
    '',
    (bad > 0 ? colors.bold : colors.green)(summaryOf(input)),
  ].join('\n')}\n`;
}
