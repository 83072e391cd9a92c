import type { Side } from '../lab/model/cell.ts';
import type { Comparison, TestChange } from '../lab/model/compare.ts';
import { type CellRecord, cellsOfSide, type RunRecord, totalMsOf } from '../lab/model/run.ts';
import { isFailure, type Verdict } from '../lab/model/verdict.ts';
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

export const cellName = ({ profile, suite }: Pick<CellRecord, 'profile' | 'suite'>) => `${profile}/${suite}`;

/** The cells that the report is about: the patched side, or the only side that there is. */
export function subject(record: RunRecord): CellRecord[] {
  const patched = cellsOfSide(record, 'patched');
  return patched.length > 0 ? patched : record.cells;
}

/** Where a row of a comparison belongs. */
type Place = Pick<TestChange, 'kernel' | 'profile' | 'suite'>;

/** Id of the base of a kernel, where the record has it. */
const baseOf = (record: RunRecord, kernel: string) => record.kernels.find(({ id }) => id === kernel)?.base;

/**
 * The record's cell of a row of the comparison, on one side. Of two runs the record is the later run, so that it has no cell of
 * the base side.
 */
export function cellAt(
  { record, comparison }: { record: RunRecord; comparison: Comparison },
  side: Side,
  place: Place,
): CellRecord | undefined {
  if (comparison.kind === 'runs' && side === 'base') return undefined;
  const kernel = side === 'patched' ? place.kernel : (baseOf(record, place.kernel) ?? place.kernel);
  return record.cells.find(
    (cell) => cell.kernel === kernel && cell.profile === place.profile && cell.suite === place.suite,
  );
}

function tally(verdicts: readonly (Verdict | undefined)[], cell: CellRecord | undefined): Tally {
  const count = (...which: Verdict[]) =>
    verdicts.filter((verdict) => verdict && which.includes(verdict)).length;
  return {
    pass: count('pass'),
    fail: verdicts.filter((verdict) => verdict && isFailure(verdict)).length,
    skip: count('skip'),
    todo: count('todo'),
    ...(cell ? { seconds: totalMsOf(cell) / 1000 } : {}),
    ...(cell && cell.verdict !== 'done' ? { broken: cell.verdict } : {}),
  };
}

function comparedRows(input: ReportInput & { comparison: Comparison }): Row[] {
  const { comparison } = input;
  const places = new Map(
    [...comparison.tests, ...comparison.brokenCells].map(({ cell, kernel, profile, suite }) => [
      cell,
      { kernel, profile, suite },
    ]),
  );
  return [...places].map(([cell, place]) => {
    const tests = comparison.tests.filter((test) => test.cell === cell);
    const side = (which: Side): Tally => {
      const broken = comparison.brokenCells.find((each) => each.cell === cell && each.side === which);
      const counts = tally(
        tests.map((test) => test[which]),
        cellAt(input, which, place),
      );
      return broken ? { ...counts, broken: broken.verdict } : counts;
    };
    return { cell, base: side('base'), patched: side('patched') };
  });
}

/** The matrix of cells: counts and seconds, of both sides where there is a comparison. */
export function rowsOf({ record, comparison }: ReportInput): Row[] {
  if (comparison) return comparedRows({ record, comparison });
  return record.cells.map((cell) => ({
    cell: cellName(cell),
    patched: tally(
      cell.tests.map((test) => test.verdict),
      cell,
    ),
  }));
}
