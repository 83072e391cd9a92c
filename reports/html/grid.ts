import { type CellRecord, totalMsOf } from '../../lab/model/run.ts';
import { isFailure, type Verdict } from '../../lab/model/verdict.ts';
import type { Column, KernelSide } from './columns.ts';

/** How many tests of a cell have which result. */
export interface Tally {
  pass: number;
  fail: number;
  skip: number;
  todo: number;
  seconds: number;
}

/** A cell of the page: a suite on a guest profile on a kernel. */
export interface CellView {
  /** Number on the page, from 0: `#cell-3`. */
  index: number;
  guest: string;
  suite: string;
  side: KernelSide;
  /** Indices of the columns that show it: a base may have several. */
  columns: readonly number[];
  /** Absent where the kernel could not be made. */
  cell?: CellRecord;
  tally: Tally;
}

/** A kernel of the grid. */
export interface GridKernel {
  side: KernelSide;
  role: 'base' | 'patched';
  /** Indices of the columns of the page that it belongs to. */
  columns: number[];
}

/** The matrix: kernels as columns, pairs of guest and suite as rows. */
export interface Grid {
  kernels: GridKernel[];
  rows: { guest: string; suite: string; cells: (CellView | undefined)[] }[];
  /** All cells of the rows. */
  cells: CellView[];
}

export function tallyOf(cell: CellRecord | undefined): Tally {
  const verdicts = cell?.tests.map(({ verdict }) => verdict) ?? [];
  const count = (matches: (verdict: Verdict) => boolean) => verdicts.filter(matches).length;
  return {
    pass: count((verdict) => verdict === 'pass'),
    fail: count(isFailure),
    skip: count((verdict) => verdict === 'skip'),
    todo: count((verdict) => verdict === 'todo'),
    seconds: cell ? totalMsOf(cell) / 1000 : 0,
  };
}

function kernelsOf(columns: readonly Column[]): GridKernel[] {
  const kernels: GridKernel[] = [];
  const add = (side: KernelSide | undefined, role: GridKernel['role'], column: number) => {
    if (!side) return;
    const earlier = kernels.find(
      (each) => each.side.record === side.record && each.side.kernel.id === side.kernel.id,
    );
    if (earlier) earlier.columns.push(column);
    else kernels.push({ side, role, columns: [column] });
  };
  for (const { base, index } of columns) add(base, 'base', index);
  for (const { patched, index } of columns) add(patched, 'patched', index);
  return kernels;
}

/** The matrix of a page. */
export function gridOf(columns: readonly Column[]): Grid {
  const kernels = kernelsOf(columns);
  const places = new Map<string, { guest: string; suite: string }>();
  const byPlace = kernels.map(({ side: { record, kernel } }) => {
    const cells = new Map<string, CellRecord>();
    for (const cell of record.cells) {
      if (cell.kernel !== kernel.id) continue;
      const key = JSON.stringify([cell.profile, cell.suite]);
      cells.set(key, cell);
      places.set(key, { guest: cell.profile, suite: cell.suite });
    }
    return cells;
  });
  const all: CellView[] = [];
  const rows = [...places].map(([key, place]) => ({
    ...place,
    cells: kernels.map(({ side, columns: shown }, at): CellView | undefined => {
      const cell = byPlace[at]?.get(key);
      if (!cell && !side.kernel.failure) return undefined;
      const view = {
        ...{ ...place, side, columns: shown, index: all.length, tally: tallyOf(cell) },
        ...(cell ? { cell } : {}),
      };
      all.push(view);
      return view;
    }),
  }));
  return { kernels, rows, cells: all };
}
