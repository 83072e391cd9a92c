import type { Change } from '../lab/model/compare.ts';
import type { Complaint, TestResult } from '../lab/model/result.ts';
import { type CellRecord, kernelOf, type RunRecord } from '../lab/model/run.ts';
import type { Verdict } from '../lab/model/verdict.ts';
import type { ReportInput } from './input.ts';
import { cellAt, cellName, rowsOf, subject } from './rows.ts';

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

const itemOf = (cell: CellRecord, { name, verdict, reason, detail }: TestResult): Item => ({
  cell: cellName(cell),
  ...{ name, patched: verdict },
  ...(reason === undefined ? {} : { reason }),
  ...(detail === undefined ? {} : { detail }),
});

/** Every test of the report, with the evidence of the side that it is about. */
export function itemsOf({ record, comparison }: ReportInput): Item[] {
  if (!comparison) return subject(record).flatMap((cell) => cell.tests.map((test) => itemOf(cell, test)));
  const details = new Map<string, string | undefined>();
  const cells = new Map(comparison.tests.map((test) => [test.cell, test]));
  for (const [cell, place] of cells) {
    const tests = cellAt({ record, comparison }, 'patched', place)?.tests ?? [];
    for (const test of tests) details.set(`${cell}\n${test.name}`, test.detail);
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
  const of = (cell: CellRecord | undefined) => (cell?.detail === undefined ? {} : { detail: cell.detail });
  if (!comparison) {
    return record.cells
      .filter((cell) => cell.verdict !== 'done')
      .map((cell) => {
        const { verdict, reason } = cell;
        const { side } = kernelOf(record, cell);
        return {
          cell: cellName(cell),
          side,
          verdict,
          ...(reason === undefined ? {} : { reason }),
          ...of(cell),
        };
      });
  }
  return comparison.brokenCells.map((broken) => ({
    ...broken,
    ...of(cellAt({ record, comparison }, broken.side, broken)),
  }));
}

/** Is this evidence shown already, as a complaint or as the failure of the kernel itself? */
export function isQuoted(input: ReportInput, detail: string): boolean {
  return (
    complaintsOf(input).some((complaint) => complaint.text === detail) ||
    failedKernels(input.record).some((kernel) => kernel.detail === detail)
  );
}

/** Kernels that could not be made, with patch and hunk or the compiler's words. */
export function failedKernels(record: RunRecord) {
  return record.kernels.flatMap(({ name, failure }) => (failure ? [{ name, ...failure }] : []));
}

/** The one line that a report ends in. */
export function summaryOf({ record, comparison }: ReportInput): string {
  const end = `in ${Math.round(record.seconds)} s${record.interrupted ? '; the run was interrupted' : ''}`;
  if (comparison) {
    const { fixed, regressed, changed, gone, same, passed, failed, skipped } = comparison;
    const changes = `fixed ${fixed}, regressed ${regressed}, changed ${changed}, new ${comparison.new}, gone ${gone}, same ${same}`;
    return `${changes}; patched: ${passed} passed, ${failed} failed, ${skipped} skipped ${end}`;
  }
  const rows = rowsOf({ record });
  const sum = (key: 'pass' | 'fail' | 'skip') =>
    rows.reduce((all, row) => all + (row.patched?.[key] ?? 0), 0);
  const broken = rows.filter((row) => row.patched?.broken).length;
  const cells = broken > 0 ? `, ${broken} broken cell${broken === 1 ? '' : 's'}` : '';
  return `${sum('pass')} passed, ${sum('fail')} failed, ${sum('skip')} skipped${cells} ${end}`;
}

/** The lists of a comparison, in the order in which a reader wants them, and how each is called. */
export const LISTS: readonly { change: Change; title: string }[] = [
  { change: 'regressed', title: 'regressed' },
  { change: 'fixed', title: 'fixed' },
  { change: 'changed', title: 'changed' },
  { change: 'new', title: 'new' },
  { change: 'gone', title: 'gone' },
];
