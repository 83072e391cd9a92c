import type { Change, Comparison } from '../lab/model/compare.ts';
import type { CellResult, Complaint, RunRecord, TestResult, Verdict } from '../lab/model/result.ts';
import type { ReportInput } from './input.ts';

/** Counts of one side of one cell. */
export interface Tally {
  /** Set when the cell did not run to its end. */
  broken?: string;
  pass: number;
  fail: number;
  skip: number;
  seconds?: number;
}

export interface Row {
  cell: string;
  base?: Tally;
  patched?: Tally;
}

/** A test as the lists of a report show it. */
export interface Item {
  cell: string;
  name: string;
  base?: Verdict;
  patched?: Verdict;
  change?: Change;
  reason?: string;
  detail?: string;
}

export interface Quoted extends Complaint {
  cells: string[];
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
function cellOf(cells: readonly CellResult[], name: string): CellResult | undefined {
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
    fail: count('fail', 'timeout', 'crash', 'lost'),
    skip: count('skip', 'todo'),
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

const itemOf = (cell: CellResult, { name, verdict, reason, detail }: TestResult): Item => ({
  cell: cellName(cell),
  ...{ name, patched: verdict },
  ...(reason === undefined ? {} : { reason }),
  ...(detail === undefined ? {} : { detail }),
});

/** Every test of the report, with the evidence of the side that it is about. */
export function itemsOf({ record, comparison }: ReportInput): Item[] {
  const cells = subject(record);
  if (!comparison) return cells.flatMap((cell) => cell.tests.map((test) => itemOf(cell, test)));
  const details = new Map<string, string | undefined>();
  for (const { cell } of rowsOf({ record, comparison })) {
    for (const test of cellOf(cells, cell)?.tests ?? []) details.set(`${cell}\n${test.name}`, test.detail);
  }
  return comparison.tests.map((test) => {
    const detail = details.get(`${test.cell}\n${test.name}`);
    return detail === undefined ? test : { ...test, detail };
  });
}

/** Skipped tests by reason, most frequent first: `[reason, how many, in which cells]`. */
export function skipsOf(items: readonly Item[]): [string, number, string[]][] {
  const groups = new Map<string, { count: number; cells: Set<string> }>();
  for (const { patched, reason, cell } of items) {
    if (patched !== 'skip') continue;
    const group = groups.get(reason ?? 'no reason given') ?? { count: 0, cells: new Set() };
    group.count++;
    group.cells.add(cell);
    groups.set(reason ?? 'no reason given', group);
  }
  const all = [...groups].map(([reason, { count, cells }]): [string, number, string[]] => [
    reason,
    count,
    [...cells],
  ]);
  return all.sort((a, b) => b[1] - a[1]);
}

/** Kernel complaints, the same fault once: only the new ones where there is a comparison. Fatal ones come first. */
export function complaintsOf({ record, comparison }: ReportInput): Quoted[] {
  const all: (Complaint & { cell: string })[] = comparison
    ? comparison.newComplaints
    : subject(record).flatMap((cell) => cell.complaints.map((found) => ({ ...found, cell: cellName(cell) })));
  const merged = new Map<string, Quoted>();
  for (const { cell, ...complaint } of all) {
    const known = merged.get(complaint.signature);
    if (!known) merged.set(complaint.signature, { ...complaint, cells: [cell] });
    else if (!known.cells.includes(cell)) known.cells.push(cell);
  }
  return [...merged.values()].sort((a, b) => Number(b.fatal) - Number(a.fatal));
}

export interface Broken {
  cell: string;
  side: string;
  verdict: string;
  reason?: string;
  /** Rejected hunk, compiler error, console tail. */
  detail?: string;
}

/** Cells that did not run to their end, with the evidence. */
export function brokenOf({ record, comparison }: ReportInput): Broken[] {
  const of = (cell: CellResult | undefined) => (cell?.detail === undefined ? {} : { detail: cell.detail });
  if (!comparison) {
    return record.cells
      .filter((cell) => cell.verdict !== 'done')
      .map((cell) => {
        const { side, verdict, reason } = cell;
        return {
          cell: cellName(cell),
          side,
          verdict,
          ...(reason === undefined ? {} : { reason }),
          ...of(cell),
        };
      });
  }
  const own = isOwn(record, comparison);
  return comparison.brokenCells.map((broken) => {
    const cells = own ? record.cells.filter((cell) => cell.side === broken.side) : subject(record);
    return { ...broken, ...(own || broken.side === 'patched' ? of(cellOf(cells, broken.cell)) : {}) };
  });
}

/** Kernels that could not be made, with patch and hunk or the compiler's words. */
export function failedKernels(record: RunRecord) {
  return record.kernels.flatMap(({ name, failure }) => (failure ? [{ name, ...failure }] : []));
}

/** The one line that a report ends in. */
export function summaryOf({ record, comparison }: ReportInput): string {
  const spent = `in ${Math.round(record.seconds)} s`;
  const stopped = record.interrupted ? '; the run was interrupted' : '';
  if (comparison) {
    const { fixed, regressed, changed, gone, same, passed, failed, skipped } = comparison;
    const changes = `fixed ${fixed}, regressed ${regressed}, changed ${changed}, new ${comparison.new}, gone ${gone}, same ${same}`;
    return `${changes}; patched: ${passed} passed, ${failed} failed, ${skipped} skipped ${spent}${stopped}`;
  }
  const rows = rowsOf({ record });
  const sum = (key: 'pass' | 'fail' | 'skip') =>
    rows.reduce((all, row) => all + (row.patched?.[key] ?? 0), 0);
  const broken = rows.filter((row) => row.patched?.broken).length;
  return `${sum('pass')} passed, ${sum('fail')} failed, ${sum('skip')} skipped${broken ? `, ${broken} broken cells` : ''} ${spent}${stopped}`;
}

/** The lists of a comparison, in the order in which a reader wants them, and how each is called. */
export const LISTS: readonly { change: Change; title: string }[] = [
  { change: 'regressed', title: 'regressed' },
  { change: 'fixed', title: 'fixed' },
  { change: 'changed', title: 'changed' },
  { change: 'new', title: 'new' },
  { change: 'gone', title: 'gone' },
];
