import { type Comparison, isFlaky, type TestChange } from '../lab/model/compare.ts';
import { isFailure } from '../lab/model/verdict.ts';
import type { ReportInput } from './input.ts';
import { cellName } from './rows.ts';
import { unprovenIn, unprovenWords } from './unproven.ts';
import {
  brokenOf,
  complaintsOf,
  DID_NOT_END,
  failedKernels,
  type Item,
  itemsOf,
  labFailures,
  mutantOutcome,
  unsandboxedWords,
} from './view.ts';

/** One thing that a short report must say. Texts are not escaped: each format does that. */
export interface Finding {
  /** `error`: the run fails for it; `warning`: it does not. */
  level: 'error' | 'warning';
  /** What it is about: a test, a cell, a kernel. */
  title: string;
  message: string;
  /** Name of its cell as reports show it; absent where it is about no single cell. */
  cell?: string;
}

type Level = Finding['level'];

/** Title of what a run does not prove. */
export const UNPROVEN = 'unproven';

/** Whether the failure of a compared test fails the run; undefined for a test that is no news. As `exitCodeOfComparison` decides. */
function levelOf(row: TestChange, { flakyFails }: Comparison): Level | undefined {
  const { base, patched, change } = row;
  if (!patched || !isFailure(patched)) return undefined;
  if (change === 'regressed') return isFlaky(row) && !flakyFails ? 'warning' : 'error';
  if (change === 'new' || patched === 'lost' || base === 'lost') return 'error';
  return change === 'changed' ? 'warning' : undefined;
}

/** Names of the cells that did not run to their end: the tests that they lost are no findings of their own. */
function brokenCells({ record, comparison }: ReportInput): Set<string> {
  if (comparison) return new Set(comparison.brokenCells.map(({ cell }) => cell));
  return new Set(
    record.cells.filter(({ verdict }) => verdict !== 'done').map((cell) => cellName(record, cell)),
  );
}

const wordsOf = ({ base, patched, reason, confirmed }: Item): string => {
  const verdicts = base && base !== patched ? `${base} -> ${patched}` : `${patched}`;
  return [verdicts, reason, confirmed].filter((part) => part !== undefined && part !== '').join('; ');
};

function tests(input: ReportInput): Finding[] {
  const { comparison } = input;
  const broken = brokenCells(input);
  return itemsOf(input).flatMap((item, index) => {
    const row = comparison?.tests[index];
    const alone = item.patched && isFailure(item.patched) ? ('error' as const) : undefined;
    const level = comparison && row ? levelOf(row, comparison) : alone;
    if (!level || (item.patched === 'lost' && broken.has(item.cell))) return [];
    return [{ level, title: `${item.cell}: ${item.name}`, message: wordsOf(item), cell: item.cell }];
  });
}

/** Complaints of the kernel; a known complaint is none. */
function complaints(input: ReportInput): Finding[] {
  return complaintsOf(input).flatMap(({ title, cells, fatal, known }): Finding[] => {
    if (known !== undefined) return [];
    const message = `the kernel complained in ${cells.join(', ')}`;
    const place = cells.length === 1 && cells[0] !== undefined ? { cell: cells[0] } : {};
    return [{ level: fatal ? 'error' : 'warning', title, message, ...place }];
  });
}

function kernels(input: ReportInput): Finding[] {
  const failed = failedKernels(input.record);
  const names = failed.map(({ name }) => name);
  const unproven = unprovenIn(input).filter(
    ({ code, subjects: [name = ''] }) => code !== 'kernel-failed' || !names.includes(name),
  );
  return [
    ...unproven.map((entry) => ({
      ...{ level: 'error' as const, title: UNPROVEN, message: unprovenWords(entry) },
    })),
    ...failed.map(({ name, verdict, message }) => ({
      ...{ level: 'error' as const, title: `${name}: ${verdict}`, message },
    })),
  ];
}

function cells(input: ReportInput): Finding[] {
  return brokenOf(input).map(({ cell, side, verdict, reason = verdict }) => ({
    // As for the exit code: what breaks on the base alone is no fault of the patches, unless the lab is at fault.
    level: input.comparison && side === 'base' && verdict !== 'lab-failed' ? 'warning' : 'error',
    ...{ title: `${cell} (${side}): ${verdict}`, message: reason, cell },
  }));
}

function lab({ record, comparison }: ReportInput): Finding[] {
  const error = (title: string, message: string) => ({ level: 'error' as const, title, message });
  const unsandboxed = unsandboxedWords(record);
  return [
    ...labFailures(record).map(({ subject, message }) => error(subject, message)),
    ...(record.interrupted ? [error('run', 'the run was interrupted')] : []),
    ...(record.unfinished ? [error('run', DID_NOT_END)] : []),
    ...(comparison?.unfinished?.includes('base') ? [error('base', DID_NOT_END)] : []),
    ...(unsandboxed === undefined
      ? []
      : [{ level: 'warning' as const, title: 'sandbox', message: unsandboxed }]),
  ];
}

function mutants({ record }: ReportInput): Finding[] {
  return (record.mutants ?? []).flatMap((mutant) => {
    const outcome = mutantOutcome(mutant);
    if (outcome === 'killed') return [];
    return [
      {
        level: 'error' as const,
        title: `${mutant.name}: ${outcome}`,
        message: mutant.broken ?? mutant.fault,
      },
    ];
  });
}

/** What a run found, errors first; empty where everything is as expected. Of a run over mutants the mutants count, not their cells. */
export function findingsOf(input: ReportInput): Finding[] {
  const warnings = (input.comparison?.newWarnings ?? []).map((message) => ({
    ...{ level: 'warning' as const, title: 'new compiler warning', message },
  }));
  const found = input.record.mutants
    ? [...kernels(input), ...mutants(input), ...lab(input)]
    : [...kernels(input), ...complaints(input), ...cells(input), ...tests(input), ...lab(input), ...warnings];
  return found.sort((a, b) => Number(b.level === 'error') - Number(a.level === 'error'));
}

/** The worst of some findings in one word. */
export function stateOf(findings: readonly Finding[]): 'pass' | 'warn' | 'fail' {
  if (findings.some(({ level }) => level === 'error')) return 'fail';
  return findings.length > 0 ? 'warn' : 'pass';
}
