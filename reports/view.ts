import { nameOfCell } from '../lab/model/cell.ts';
import type { Change } from '../lab/model/compare.ts';
import { confirmWords } from '../lab/model/confirm.ts';
import type { TestClass } from '../lab/model/protocol.ts';
import { type Rate, rateWords } from '../lab/model/rate.ts';
import type { Complaint, TestResult } from '../lab/model/result.ts';
import { type CellRecord, kernelOf, type MutantRecord, type RunRecord } from '../lab/model/run.ts';
import type { CellVerdict, Verdict } from '../lab/model/verdict.ts';
import type { ReportInput } from './input.ts';
import { cellAt, cellName, rowsOf } from './rows.ts';
import { unprovenIn } from './unproven.ts';

/** A test as the lists of a report show it. Without a comparison it has only `patched`. */
export interface Item {
  cell: string;
  name: string;
  base?: Verdict;
  patched?: Verdict;
  change?: Change;
  class?: TestClass;
  reason?: string;
  /** What repeats and reruns say. */
  confirmed?: string;
  detail?: string;
}

/** A complaint with the names of all cells that have it. */
export interface Quoted extends Complaint {
  cells: string[];
}

/** How often a test failed, where it was repeated and did fail. */
function repeatWords({ base, patched }: { base?: Rate | undefined; patched?: Rate | undefined }) {
  if (!base?.failed && !patched?.failed) return {};
  const onBase = base ? `on base ${rateWords(base)}` : [];
  const words = [patched ? rateWords(patched) : [], onBase].flat().join(', ');
  return { confirmed: `fails ${words}` };
}

const itemOf = (cell: string, { name, verdict, class: of, reason, detail, rate }: TestResult): Item => ({
  ...{ cell, name, patched: verdict },
  ...(of ? { class: of } : {}),
  ...(reason === undefined ? {} : { reason }),
  ...repeatWords({ patched: rate }),
  ...(detail === undefined ? {} : { detail }),
});

/** Every test of the report, with the evidence of the patched side where there is a comparison. */
export function itemsOf({ record, comparison }: ReportInput): Item[] {
  if (!comparison) {
    return record.cells.flatMap((cell) => cell.tests.map((test) => itemOf(cellName(record, cell), test)));
  }
  return comparison.tests.map((row) => {
    const cell = cellAt({ record, comparison }, 'patched', row);
    const detail = cell?.tests.find(({ name }) => name === row.name)?.detail;
    const { confirmation, rates, ...item } = row;
    return {
      ...item,
      ...repeatWords(rates ?? {}),
      ...(confirmation ? { confirmed: confirmWords(confirmation) } : {}),
      ...(detail === undefined ? {} : { detail }),
    };
  });
}

/** Skipped tests by reason, most frequent first: `[reason, how many, in which cells]`. */
export function skipsOf(items: readonly Item[]): [string, number, string[]][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    if (item.patched !== 'skip') continue;
    const reason = item.reason ?? 'no reason given';
    groups.set(reason, [...(groups.get(reason) ?? []), item]);
  }
  return [...groups]
    .map(([reason, skipped]): [string, number, string[]] => {
      const cells = new Set(skipped.map(({ cell }) => cell));
      return [reason, skipped.length, [...cells]];
    })
    .sort(([, a], [, b]) => b - a);
}

/** Kernel complaints, the same fault once: only the new ones where there is a comparison. Fatal ones come first. */
export function complaintsOf({ record, comparison }: ReportInput): Quoted[] {
  const all: (Complaint & { cell: string })[] = comparison
    ? comparison.newComplaints
    : record.cells.flatMap((cell) =>
        cell.complaints.map((complaint) => ({ ...complaint, cell: cellName(record, cell) })),
      );
  const merged = new Map<string, Quoted>();
  for (const { cell, ...complaint } of all) {
    const earlier = merged.get(complaint.signature);
    if (!earlier) merged.set(complaint.signature, { ...complaint, cells: [cell] });
    else if (!earlier.cells.includes(cell)) earlier.cells.push(cell);
  }
  return [...merged.values()].sort((a, b) => Number(b.fatal) - Number(a.fatal));
}

/** A cell that did not run to its end. */
export interface Broken {
  cell: string;
  side: string;
  verdict: CellVerdict;
  reason?: string;
  /** Rejected hunk, compiler error, console tail. */
  detail?: string;
}

/** Cells of a kernel that could not be made: the kernel's failure is reported once, not again for each of them. */
const hasNoKernel = ({ verdict }: { verdict: CellVerdict }): boolean =>
  verdict === 'apply-failed' || verdict === 'build-failed';

/** Cells that did not run to their end, with the evidence. */
export function brokenOf(input: ReportInput): Broken[] {
  const reportsKernel = unprovenIn(input).some(({ code }) => code === 'kernel-failed');
  return allBroken(input).filter((cell) => !reportsKernel || !hasNoKernel(cell));
}

function allBroken({ record, comparison }: ReportInput): Broken[] {
  if (comparison) {
    return comparison.brokenCells.map((row) => {
      const detail = cellAt({ record, comparison }, row.side, row)?.detail;
      return detail === undefined ? row : { ...row, detail };
    });
  }
  return record.cells
    .filter(({ verdict }) => verdict !== 'done')
    .map((cell) => {
      const { verdict, reason, detail } = cell;
      return {
        ...{ cell: cellName(record, cell), side: kernelOf(record, cell).side, verdict },
        ...(reason === undefined ? {} : { reason }),
        ...(detail === undefined ? {} : { detail }),
      };
    });
}

/** True for evidence that the report shows already, as a complaint or as the failure of a kernel. */
export function isQuoted(input: ReportInput, detail: string): boolean {
  return (
    complaintsOf(input).some((complaint) => complaint.text === detail) ||
    failedKernels(input.record).some((kernel) => kernel.detail === detail)
  );
}

/** A warning where code of kernels or recipes ran without a sandbox, now or in an earlier build of a kernel; undefined otherwise. */
export function unsandboxedWords({ sandbox, kernels }: RunRecord): string | undefined {
  if (sandbox?.required === false)
    return 'no sandbox: code of kernels and image recipes ran with all rights of the user (--unsafe-no-sandbox)';
  const built = kernels.filter(({ sandboxed }) => sandboxed === false).map(({ name }) => name);
  return built.length > 0 ? `built without a sandbox: ${built.join(', ')}` : undefined;
}

/** Kernels that could not be made, with the rejected hunks or the output of the compiler. */
export function failedKernels(record: RunRecord) {
  return record.kernels.flatMap(({ id, name, failure }) => (failure ? [{ id, name, ...failure }] : []));
}

/** True for a cell whose reason has the message of this failure, so that a report need not give it a second time. */
function gives(
  { kernel, profile, suite, verdict, reason, attempts }: CellRecord,
  failure: RunRecord['failures'][number],
): boolean {
  if (verdict !== 'lab-failed' || reason === undefined || !failure.message.includes(reason)) return false;
  return attempts.some(({ repeat }) => nameOfCell({ kernel, profile, suite, repeat }) === failure.subject);
}

/** Failures of the lab that no cell gives as its reason. */
export function labFailures({ failures, cells }: RunRecord): RunRecord['failures'] {
  return failures.filter((failure) => !cells.some((cell) => gives(cell, failure)));
}

/** Title of the list of `labFailures`. */
export const labTitle = (record: RunRecord): string =>
  labFailures(record).length < record.failures.length ? 'other failures of the lab' : 'failures of the lab';

const counted = (count: number, singular: string, plural = `${singular}s`) =>
  `${count} ${count === 1 ? singular : plural}`;

/** Said of a record that was written while its run worked. */
export const DID_NOT_END = 'the run did not end: it was killed, or it still works';

/** How long the run took, and what it lacks. */
function endOf({ record, comparison }: ReportInput): string {
  const kernels = failedKernels(record).length;
  const failures = record.failures.length;
  return [
    `in ${Math.round(record.seconds)} s`,
    ...(kernels > 0 ? [`${counted(kernels, 'kernel')} could not be made`] : []),
    ...(failures > 0 ? [counted(failures, 'failure of the lab', 'failures of the lab')] : []),
    ...(record.interrupted ? ['the run was interrupted'] : []),
    ...(record.unfinished ? [DID_NOT_END] : []),
    ...(comparison?.unfinished?.includes('base') ? ['the run that it is compared with did not end'] : []),
  ].join('; ');
}

/** What became of a mutant, in one word. */
export const mutantOutcome = ({ killed, broken }: MutantRecord): 'killed' | 'survived' | 'broken' =>
  broken === undefined ? (killed ? 'killed' : 'survived') : 'broken';

function mutantsSummary(mutants: readonly MutantRecord[]): string {
  const count = (outcome: string) => mutants.filter((mutant) => mutantOutcome(mutant) === outcome).length;
  return `${counted(mutants.length, 'mutant')}: ${count('killed')} killed, ${count('survived')} survived, ${count('broken')} broken`;
}

/** The last line of a report. */
export function summaryOf(input: ReportInput): string {
  const { record, comparison } = input;
  const end = endOf(input);
  if (record.mutants) return `${mutantsSummary(record.mutants)} ${end}`;
  if (comparison) {
    const { fixed, regressed, changed, gone, same, passed, failed, skipped } = comparison;
    const flaky = comparison.flaky
      ? ` (${comparison.flaky} flaky${comparison.flakyFails ? '' : ', no failure'})`
      : '';
    const changes = `fixed ${fixed}, regressed ${regressed}${flaky}, changed ${changed}, new ${comparison.new}, gone ${gone}, same ${same}`;
    return `${changes}; patched: ${passed} passed, ${failed} failed, ${skipped} skipped ${end}`;
  }
  const rows = rowsOf({ record });
  const sum = (key: 'pass' | 'fail' | 'skip') =>
    rows.reduce((total, { patched }) => total + (patched?.[key] ?? 0), 0);
  const broken = rows.filter(({ patched }) => patched?.broken).length;
  const cells = broken > 0 ? `, ${counted(broken, 'broken cell')}` : '';
  return `${sum('pass')} passed, ${sum('fail')} failed, ${sum('skip')} skipped${cells} ${end}`;
}

/** True when nothing is wrong on the patched side of a comparison and nothing failed to run. */
export function isClean({ record, comparison }: ReportInput): boolean {
  if (!comparison || record.interrupted || record.unfinished || record.failures.length > 0) return false;
  if (comparison.unfinished || comparison.unproven) return false;
  const { regressed, failed, brokenCells, newComplaints } = comparison;
  const broken = failedKernels(record).length + brokenCells.length;
  return regressed + failed + broken === 0 && !newComplaints.some(({ fatal }) => fatal);
}

/** The lists of a comparison in the order of a report, with their titles. */
export const LISTS: readonly { change: Change; title: string }[] = [
  { change: 'regressed', title: 'regressed' },
  { change: 'fixed', title: 'fixed' },
  { change: 'changed', title: 'changed' },
  { change: 'new', title: 'new' },
  { change: 'gone', title: 'gone' },
];
