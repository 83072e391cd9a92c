import type { Side } from '../lab/model/cell.ts';
import { type Comparison, labelOf, type MetricChange } from '../lab/model/compare.ts';
import type { RunRecord } from '../lab/model/run.ts';
import { oneLine } from './escape.ts';
import type { ReportInput } from './input.ts';
import { cellName } from './rows.ts';

const number = (value: number) =>
  Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 3 : 1);

/** A share with its sign, percent. */
const percent = (share: number) => `${share > 0 ? '+' : ''}${(share * 100).toFixed(1)}%`;

/** `±0.1%`; empty for a single boot. */
const spreadOf = (value: number | undefined, spread: number | undefined) =>
  value === undefined || spread === undefined || value === 0
    ? ''
    : `±${((spread / Math.abs(value)) * 100).toFixed(1)}%`;

const unitOf = ({ better, unit }: MetricChange) =>
  better === 'none' ? unit : `${unit}, ${better} is better`;

function changeOf({ base, patched, verdict }: MetricChange): string {
  if (base === undefined || patched === undefined || base === 0) return '';
  return verdict === 'same' ? '~' : percent((patched - base) / Math.abs(base));
}

/** The end of a row: empty where nothing changed. */
const verdictOf = ({ verdict }: MetricChange) => (verdict && verdict !== 'same' ? verdict : '');

function row(change: MetricChange): string {
  const { name, base, patched, spread } = change;
  const figures = [
    (base === undefined ? '' : number(base)).padStart(10),
    spreadOf(base, spread).padStart(7),
    changeOf(change).padStart(9),
    (patched === undefined ? '' : number(patched)).padStart(11),
    spreadOf(patched, spread).padStart(7),
  ].join('');
  return `${figures}  ${oneLine([name, verdictOf(change)].filter((part) => part !== '').join('  '), 60)}`;
}

/** The kernel of a column, or its side where the tables below have several kernels and name them. */
function columnTitle(comparison: Comparison, side: Side): string {
  const several =
    comparison.kernels.length > 1 || comparison.kernels.some(({ patched }) => patched.length > 1);
  return several ? side : labelOf(comparison, side);
}

function head(comparison: Comparison): string[] {
  const [base, patched] = [columnTitle(comparison, 'base'), columnTitle(comparison, 'patched')];
  return [
    `${oneLine(base, 17).padStart(17)}${oneLine(patched, 26).padStart(27)}`,
    `${'-'.repeat(17)}${' '.repeat(2)}${'-'.repeat(25)}`,
    '    figure ±boots   change     figure ±boots  metric',
  ];
}

/**
 * Figures side by side as LKP mails them: one table for each cell and unit, the metric's name last. `~`: no change beyond the
 * spread of the boots.
 */
export function comparedFigures(comparison: Comparison): string[] {
  const groups = new Map<string, MetricChange[]>();
  for (const change of comparison.metrics) {
    const title = `${change.cell} (${unitOf(change)})`;
    groups.set(title, [...(groups.get(title) ?? []), change]);
  }
  if (groups.size === 0) return [];
  const tables = [...groups].flatMap(([title, changes]) => [
    '',
    `===== ${oneLine(title, 90)}`,
    ...changes.map(row),
  ]);
  return [...head(comparison), ...tables];
}

/** The figures of each cell of a run. */
function runFigures(record: RunRecord): string[] {
  return record.cells
    .filter(({ metrics }) => metrics.length > 0)
    .flatMap((cell) => [
      '',
      `===== ${oneLine(cellName(record, cell), 90)}`,
      ...cell.metrics.map(
        ({ name, value, spread, unit }) =>
          `${number(value).padStart(10)}${spreadOf(value, spread).padStart(8)}  ${oneLine(`${name} (${unit})`, 78)}`,
      ),
    ]);
}

/** The figures of a report: of two sides where there is a comparison, else of the run. Empty where nothing was measured. */
export const figures = ({ record, comparison }: ReportInput): string[] =>
  comparison ? comparedFigures(comparison) : runFigures(record);
