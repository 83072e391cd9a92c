import { isFlaky, type MetricChange, type TestChange } from '../../lab/model/compare.ts';
import type { Rate } from '../../lab/model/rate.ts';
import { isFailure, type Verdict } from '../../lab/model/verdict.ts';
import { wrap } from '../escape.ts';
import type { ReportInput } from '../input.ts';
import { WIDTH } from './headers.ts';

/** Width of the figures in front of a name. */
const FIGURES = 26;

/** Columns before the reason of a failure. */
const INDENT = 6;

/** The end of a row: the name, on further lines where it is long. */
function named(figures: string, name: string): string[] {
  const [first = '', ...more] = wrap(name, WIDTH - FIGURES - 2, 6);
  return [
    `${figures.padEnd(FIGURES)}  ${first}`,
    ...more.map((line) => `${' '.repeat(FIGURES + 2)}${line}`),
  ].map((line) => line.trimEnd());
}

/** How often a test failed: what its repeats or reruns say, else its single result; undefined for one that did not run. */
function rateOf(verdict: Verdict | undefined, rate: Rate | undefined): Rate | undefined {
  if (rate && rate.runs > 0) return rate;
  if (verdict === undefined || verdict === 'skip') return undefined;
  return { failed: isFailure(verdict) ? 1 : 0, runs: 1 };
}

/** `fail:runs` as LKP has it: no zero. */
const ratio = (rate: Rate | undefined): string => (rate ? `${rate.failed || ''}:${rate.runs}` : '-');

const share = (rate: Rate | undefined) => (rate && rate.runs > 0 ? rate.failed / rate.runs : 0);

/** What a series newly breaks. */
const isNew = (row: TestChange): boolean =>
  row.patched !== undefined && isFailure(row.patched) && (row.change === 'regressed' || row.change === 'new');

/** `>>     :3   100%   3:3  plain/passthrough: reads what was written`. */
function testRow(row: TestChange): string[] {
  const { cell, name, base, patched, reason, rates, confirmation } = row;
  const before = rateOf(base, confirmation?.base ?? rates?.base);
  const after = rateOf(patched, confirmation?.patched ?? rates?.patched);
  const change = Math.round((share(after) - share(before)) * 100);
  const isCompared = before !== undefined && after !== undefined;
  const figures = [
    isNew(row) ? '>>' : '  ',
    ratio(before).padStart(7),
    (isCompared ? `${change > 0 ? '+' : ''}${change}%` : '').padStart(9),
    ratio(after).padStart(8),
  ].join('');
  const mark = patched === undefined ? ' (gone)' : isFlaky(row) ? ' (flaky)' : '';
  const why = isNew(row) && reason !== undefined ? wrap(reason, WIDTH - INDENT, 2) : [];
  return [...named(figures, `${cell}: ${name}${mark}`), ...why.map((line) => `${' '.repeat(INDENT)}${line}`)];
}

const number = (value: number) =>
  Number.isInteger(value) && Math.abs(value) < 1e9 ? String(value) : value.toPrecision(4);

function metricRow({ cell, name, unit, base, patched, verdict }: MetricChange): string[] {
  if (base === undefined || patched === undefined || !verdict || verdict === 'same') return [];
  const change =
    base === 0
      ? ''
      : `${patched > base ? '+' : ''}${(((patched - base) / Math.abs(base)) * 100).toFixed(1)}%`;
  const figures = `${number(base).padStart(9)}${change.padStart(8)}${number(patched).padStart(9)}`;
  return named(figures, `${cell}: ${name} (${unit}, ${verdict})`);
}

const ORDER = ['regressed', 'new', 'fixed', 'changed', 'gone', 'same'] as const;

/** Rows of the tests that changed, what the series breaks first; empty where nothing changed. */
export function testRows({ comparison }: ReportInput): string[] {
  const rows = (comparison?.tests ?? []).filter(
    (row) => row.change !== 'same' && !(row.change === 'new' && !isNew(row)),
  );
  if (rows.length === 0) return [];
  const sorted = rows.toSorted((a, b) => ORDER.indexOf(a.change) - ORDER.indexOf(b.change));
  return ['  fail:runs   change fail:runs', ...sorted.flatMap(testRow)];
}

/** Rows of the figures that changed. */
export function metricRows({ comparison }: ReportInput): string[] {
  const rows = (comparison?.metrics ?? []).flatMap(metricRow);
  return rows.length === 0 ? [] : ['     base  change  patched', ...rows];
}
