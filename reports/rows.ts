import { nameOfCell, type Side } from '../lab/model/cell.ts';
import type { Comparison, TestChange } from '../lab/model/compare.ts';
import { type CellRecord, kernelOf, type RunRecord, totalMsOf } from '../lab/model/run.ts';
import { isFailure, type Verdict } from '../lab/model/verdict.ts';
import type { ReportInput } from './input.ts';

/** Counts of one side of one cell. */
export interface Tally {
  /** Verdict of a cell that did not run to its end. */
  broken?: string;
  pass: number;
  fail: number;
  skip: number;
  /** Expected failures. */
  todo: number;
  /** Of all attempts; absent where the record does not have the cell. */
  seconds?: number;
}

/** A row of the matrix. A side that does not have the cell is absent; without a comparison there is only `patched`. */
export interface Row {
  cell: string;
  base?: Tally;
  patched?: Tally;
}

/** The name of a cell in a report on `record` alone: `guest/suite`, with the kernel in front where cells of several ran. */
export function cellName({ cells, kernels }: Pick<RunRecord, 'cells' | 'kernels'>, cell: CellRecord): string {
  const { profile, suite } = cell;
  if (cells.every(({ kernel }) => kernel === cell.kernel)) return `${profile}/${suite}`;
  return nameOfCell({ kernel: kernelOf({ kernels }, cell).name, profile, suite });
}

/** Where a row of a comparison belongs. */
type Place = Pick<TestChange, 'kernel' | 'profile' | 'suite'>;

/**
 * Id of the kernel whose cell is on one side of a row, undefined where the record has none. A row names its patched kernel, or its
 * base where only the base has the cell. Of two runs the record is the later one: it has no kernel of the base side.
 */
function kernelAt(
  { record, comparison }: { record: RunRecord; comparison: Comparison },
  side: Side,
  { kernel }: Place,
): string | undefined {
  if (comparison.kind === 'runs') {
    const isLater = comparison.kernels.some(({ patched }) => patched.some(({ id }) => id === kernel));
    return side === 'patched' && isLater ? kernel : undefined;
  }
  const ofRow = record.kernels.find(({ id }) => id === kernel);
  if (ofRow?.side === side) return kernel;
  return side === 'base' ? ofRow?.base : undefined;
}

/** The record's cell on one side of a row of the comparison. */
export function cellAt(
  input: { record: RunRecord; comparison: Comparison },
  side: Side,
  place: Place,
): CellRecord | undefined {
  const kernel = kernelAt(input, side, place);
  return input.record.cells.find(
    (cell) => cell.kernel === kernel && cell.profile === place.profile && cell.suite === place.suite,
  );
}

function tally(verdicts: readonly (Verdict | undefined)[], cell: CellRecord | undefined): Tally {
  const count = (verdict: Verdict) => verdicts.filter((each) => each === verdict).length;
  return {
    pass: count('pass'),
    fail: verdicts.filter((verdict) => verdict && isFailure(verdict)).length,
    skip: count('skip'),
    todo: count('todo'),
    ...(cell ? { seconds: totalMsOf(cell) / 1000 } : {}),
    ...(cell && cell.verdict !== 'done' ? { broken: cell.verdict } : {}),
  };
}

/** Equal for the rows of one cell. Two patched kernels may have rows that only their base has: these differ in `cell` alone. */
const keyOf = ({ cell, kernel, profile, suite }: Place & { cell: string }) =>
  JSON.stringify([cell, kernel, profile, suite]);

function comparedRows(input: { record: RunRecord; comparison: Comparison }): Row[] {
  const { tests, brokenCells } = input.comparison;
  const places = new Map([...tests, ...brokenCells].map((row) => [keyOf(row), row]));
  return [...places].map(([key, place]) => {
    const ofPlace = tests.filter((test) => keyOf(test) === key);
    const side = (which: Side): Tally | undefined => {
      const broken = brokenCells.find((cell) => keyOf(cell) === key && cell.side === which);
      const verdicts = ofPlace.map((test) => test[which]);
      const cell = cellAt(input, which, place);
      if (!broken && !cell && verdicts.every((verdict) => verdict === undefined)) return undefined;
      const counts = tally(verdicts, cell);
      return broken ? { ...counts, broken: broken.verdict } : counts;
    };
    const [base, patched] = [side('base'), side('patched')];
    return { cell: place.cell, ...(base ? { base } : {}), ...(patched ? { patched } : {}) };
  });
}

/** The matrix of cells: counts and seconds, of both sides where there is a comparison. */
export function rowsOf({ record, comparison }: ReportInput): Row[] {
  if (comparison) return comparedRows({ record, comparison });
  return record.cells.map((cell) => ({
    cell: cellName(record, cell),
    patched: tally(
      cell.tests.map(({ verdict }) => verdict),
      cell,
    ),
  }));
}
