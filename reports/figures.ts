import { type Comparison, labelOf } from '../lab/model/compare.ts';
import type { CellRecord } from '../lab/model/run.ts';
import { oneLine } from './escape.ts';
import type { ReportInput } from './input.ts';

type Change = Comparison['metrics'][number];

const number = (value: number) =>
  Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 3 : 1);

/** A share with its sign, percent. */
const percent = (share: number) => `${share > 0 ? '+' : ''}${(share * 100).toFixed(1)}%`;

/** `±0.1%`; nothing where there was one boot. */
const spreadOf = (value: number | undefined, spread: number | undefined) =>
  value === undefined || spread === undefined || value === 0
    ? ''
    : `±${((spread / Math.abs(value)) * 100).toFixed(1)}%`;

const better = ({ better, unit }: Pick<Change, 'better' | 'unit'>) =>
  better === 'none' ? unit : `${unit}, ${better} is better`;

function changeOf({ base, patched, verdict }: Change): string {
  if (base === undefined || patched === undefined || base === 0) return '';
  return verdict === 'same' ? '~' : percent((patched - base) / Math.abs(base));
}

/** What the row says at its end: nothing where nothing changed. */
const judged = (verdict: Change['verdict']) => (verdict && verdict !== 'same' ? verdict : '');

function row(change: Change): string {
  const { name, base, patched, spread, verdict } = change;
  const left = base === undefined ? '' : number(base);
  const right = patched === undefined ? '' : number(patched);
  const figures = [
    left.padStart(10),
    spreadOf(base, spread).padStart(7),
    changeOf(change).padStart(9),
    right.padStart(11),
    spreadOf(patched, spread).padStart(7),
  ].join('');
  return `${figures}  ${oneLine([name, judged(verdict)].filter((part) => part !== '').join('  '), 60)}`;
}

function head(comparison: Comparison): string[] {
  const [base, patched] = [labelOf(comparison, 'base'), labelOf(comparison, 'patched')];
  return [
    `${oneLine(base, 17).padStart(17)}${oneLine(patched, 26).padStart(27)}`,
    `${'-'.repeat(17)}${' '.repeat(2)}${'-'.repeat(25)}`,
    '    figure ±boots   change     figure ±boots  metric',
  ];
}

/** Figures side by side as LKP does it: one table a cell and unit, the metric's name last. `~`: no change beyond the boots' own. */
export function comparedFigures(comparison: Comparison): string[] {
  const groups = new Map<string, Change[]>();
  for (const change of comparison.metrics) {
    const key = `${change.cell} (${better(change)})`;
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  if (groups.size === 0) return [];
  const tables = [...groups].flatMap(([key, changes]) => [
    '',
    `===== ${oneLine(key, 90)}`,
    ...changes.map(row),
  ]);
  return [...head(comparison), ...tables];
}

function ownRows({ profile, suite, metrics }: CellRecord): string[] {
  if (metrics.length === 0) return [];
  const rows = metrics.map(
    ({ name, value, spread, unit }) =>
      `${number(value).padStart(10)}${spreadOf(value, spread).padStart(8)}  ${oneLine(`${name} (${unit})`, 78)}`,
  );
  return ['', `===== ${oneLine(`${profile}/${suite}`, 90)}`, ...rows];
}

/** The figures of a report: two sides where they are compared, else those of the run. */
export const figures = ({ record, comparison }: ReportInput): string[] =>
  comparison ? comparedFigures(comparison) : record.cells.flatMap(ownRows);
