import type { Comparison } from '../lab/model/compare.ts';
import type { CellResult, RunRecord, Verdict } from '../lab/model/result.ts';
import { isFailure } from '../lab/model/verdict.ts';
import type { ReportInput } from './input.ts';

/** Counts of one side of one cell. */
export interface Tally {
  /** Set when the cell did not run to its end. */
  broken?: string;
  pass: number;
  fail: number;
  skip: number;
  /** Expected failures. */
  todo: number;
  seconds?: number;
}

export interface Row {
  cell: string;
  base?: Tally;
  patched?: Tally;
}

export const cellName = (cell: CellResult) => `${cell.guest}/${cell.suite}`;

/** The cells that the report is about: the patched side, or the only side that there is. */
export function subject(record: RunRecord): CellResult[] {
  const patched = record.cells.filter((cell) => cell.side === 'patched');
  return patched.length > 0 ? patched : record.cells;
}

/** Is the comparison one of this record's two sides (and not of two runs)? */
export function isOwn(record: RunRecord, comparison: Comparison): boolean {
  const bases = record.kernels.filter((kernel) => kernel.side === 'base');
  return comparison.base === bases.map((kernel) => kernel.name).join(', ');
}

/** The record's cell behind a comparison's `guest/suite` or `kernel/guest/suite`. */
export function cellOf(cells: readonly CellResult[], name: string): CellResult | undefined {
  return cells.find((cell) => {
    const own = cellName(cell);
    if (name === own) return true;
    return name.endsWith(`/${own}`) && cell.kernel.startsWith(name.slice(0, -own.length - 1));
  });
}

function tally(verdicts: readonly (Verdict | undefined)[], cell: CellResult | undefined): Tally {
  const count = (...which: Verdict[]) =>
    verdicts.filter((verdict) => verdict && which.includes(verdict)).length;
  return {
    pass: count('pass'),
    fail: verdicts.filter((verdict) => verdict && isFailure(verdict)).length,
    skip: count('skip'),
    todo: count('todo'),
    ...(cell ? { seconds: cell.timings.totalMs / 1000 } : {}),
    ...(cell && cell.verdict !== 'done' ? { broken: cell.verdict } : {}),
  };
}

function comparedRows(record: RunRecord, comparison: Comparison): Row[] {
  const own = isOwn(record, comparison);
  const baseCells = own ? record.cells.filter((cell) => cell.side === 'base') : [];
  const names = [
    ...comparison.tests.map((test) => test.cell),
    ...comparison.brokenCells.map((broken) => broken.cell),
  ];
  return [...new Set(names)].map((cell) => {
    const tests = comparison.tests.filter((test) => test.cell === cell);
    const side = (which: 'base' | 'patched', cells: readonly CellResult[]): Tally => {
      const broken = comparison.brokenCells.find((found) => found.cell === cell && found.side === which);
      const counts = tally(
        tests.map((test) => test[which]),
        cellOf(cells, cell),
      );
      return broken ? { ...counts, broken: broken.verdict } : counts;
    };
    return { cell, base: side('base', baseCells), patched: side('patched', subject(record)) };
  });
}

/** The matrix of cells: counts and seconds, of both sides where there is a comparison. */
export function rowsOf({ record, comparison }: ReportInput): Row[] {
  if (comparison) return comparedRows(record, comparison);
  return record.cells.map((cell) => ({
    cell: cellName(cell),
    patched: tally(
      cell.tests.map((test) => test.verdict),
      cell,
    ),
  }));
}
