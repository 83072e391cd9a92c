import type { TestResult } from '../lab/model/result.ts';
import type { RunRecord } from '../lab/model/run.ts';

/** How much of the evidence of a record is kept. */
export interface Extent {
  /** Most characters of each piece: of a test, a complaint, a cell, a kernel. */
  text: number;
  /** Most characters of each reason; what a test reports besides its outcome is left out where this is given. */
  reason?: number;
}

const cut = (text: string, most: number, where: string) =>
  text.length <= most ? text : `${text.slice(0, most)}\n[cut off: ${where}]`;

const NOTE = 'the run record has all of it';

function shortTest(test: TestResult, { text, reason }: Extent): TestResult {
  const { detail, ...rest } = test;
  const evidence = detail === undefined || text === 0 ? {} : { detail: cut(detail, text, NOTE) };
  if (reason === undefined) return { ...rest, ...evidence };
  const { choices: _choices, unproven: _unproven, leftovers: _leftovers, ...bare } = rest;
  const why = rest.reason === undefined ? {} : { reason: rest.reason.slice(0, reason) };
  return { ...bare, ...why, ...evidence };
}

/** The record with less evidence. Names, verdicts and counts stay as they are. */
export function shortened(record: RunRecord, extent: Extent): RunRecord {
  const { text } = extent;
  return {
    ...record,
    kernels: record.kernels.map((kernel) =>
      kernel.failure
        ? { ...kernel, failure: { ...kernel.failure, detail: cut(kernel.failure.detail, text, NOTE) } }
        : kernel,
    ),
    cells: record.cells.map((cell) => ({
      ...cell,
      ...(cell.detail === undefined ? {} : { detail: cut(cell.detail, text, NOTE) }),
      tests: cell.tests.map((test) => shortTest(test, extent)),
      complaints: cell.complaints.map((each) => ({ ...each, text: cut(each.text, text, NOTE) })),
    })),
  };
}
