import type { TestClass } from '../lab/model/protocol.ts';
import type { TestResult } from '../lab/model/result.ts';
import { type CellRecord, cellsOfSide, kernelOf } from '../lab/model/run.ts';
import { isFailure } from '../lab/model/verdict.ts';
import type { ReportInput } from './input.ts';
import { cellName } from './rows.ts';
import type { Item } from './view.ts';

/** Classes in the order of a report: what is wrong with any series comes first. */
const ORDER = ['safety', 'contract', 'objection', 'choice'] as const satisfies readonly TestClass[];

/** Plural of a class that is counted as `x of y`. */
const WORDS = { safety: 'safety', contract: 'contract', objection: 'objections' };

/** Something that a test reports besides its verdict, and that fails nothing. */
export interface Remark {
  cell: string;
  name: string;
  lines: readonly string[];
}

/** The cells under test: of the patched kernels where there are any. */
function judgedCells({ record }: ReportInput): readonly CellRecord[] {
  const patched = cellsOfSide(record, 'patched');
  return patched.length > 0 ? patched : record.cells;
}

function remarksOf(
  input: ReportInput,
  linesOf: (test: TestResult) => readonly string[] | undefined,
): Remark[] {
  return judgedCells(input).flatMap((cell) =>
    cell.tests.flatMap((test) => {
      const lines = linesOf(test) ?? [];
      return lines.length > 0 ? [{ cell: cellName(input.record, cell), name: test.name, lines }] : [];
    }),
  );
}

/** Tests that saw another choice than that of this project's series. */
export const choicesThatDiffer = (input: ReportInput): Remark[] =>
  remarksOf(input, ({ class: of, verdict, reason, detail, choices = [] }) => {
    if (of !== 'choice' || verdict !== 'todo') return choices;
    // The reason of a TODO is why it fails nothing; what differs is the message.
    const message = /^message: (.*)$/m.exec(detail ?? '')?.[1];
    return [message === undefined ? (reason ?? 'differs') : unquoted(message), ...choices];
  });

/** A JSON string of a YAML block as text. */
function unquoted(value: string): string {
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}

/** Passes that could not show all that they are for. */
export const unprovenPasses = (input: ReportInput): Remark[] =>
  remarksOf(input, ({ verdict, unproven }) =>
    verdict === 'pass' && unproven !== undefined ? [unproven] : [],
  );

/**
 * The class by which a result counts. Whatever an implementation chooses, a test that ends its guest or hangs is a matter of safety.
 */
export function countedClass({
  class: of,
  verdict,
}: Pick<TestResult, 'class' | 'verdict'>): TestClass | undefined {
  return of === 'choice' && ['crash', 'timeout', 'lost'].includes(verdict) ? 'safety' : of;
}

function countsOf(tests: readonly TestResult[]): string[] {
  return ORDER.flatMap((of) => {
    if (of === 'choice') return [];
    const all = tests.filter((test) => countedClass(test) === of && !['skip', 'todo'].includes(test.verdict));
    const passed = all.filter(({ verdict }) => !isFailure(verdict)).length;
    return all.length > 0 ? [`${WORDS[of]} ${passed}/${all.length}`] : [];
  });
}

/** What each kernel under test satisfies, in one line: `contract 40/42, objections 10/12`. None where no test has a class. */
export function classLines(input: ReportInput): string[] {
  const cells = judgedCells(input);
  const kernels = [...new Set(cells.map(({ kernel }) => kernel))];
  return kernels.flatMap((kernel) => {
    const own = cells.filter((cell) => cell.kernel === kernel);
    const counts = countsOf(own.flatMap(({ tests }) => tests));
    if (counts.length === 0) return [];
    const only = { ...input, record: { ...input.record, cells: own } };
    const [differ, unproven] = [choicesThatDiffer(only).length, unprovenPasses(only).length];
    const more = [
      ...(differ > 0 ? [`choices that differ: ${differ}`] : []),
      ...(unproven > 0 ? [`unproven passes: ${unproven}`] : []),
    ];
    const [cell] = own;
    const name = cell ? kernelOf(input.record, cell).name : kernel;
    return [`${name}: ${[...counts, ...more].join(', ')}`];
  });
}

/** Tests by class, in the order of a report; those without a class last, under the empty name. */
export function byClass(items: readonly Item[]): [TestClass | '', Item[]][] {
  return [...ORDER, '' as const].flatMap((of): [TestClass | '', Item[]][] => {
    const own = items.filter(({ class: given, patched: verdict }) => {
      const counted = given && verdict ? countedClass({ class: given, verdict }) : given;
      return (counted ?? '') === of;
    });
    return own.length > 0 ? [[of, own]] : [];
  });
}

/** `failed: safety (2)`, without a class `failed (2)`. */
export const titleOf = (title: string, of: TestClass | '', { length }: readonly unknown[]): string =>
  `${title}${of === '' ? '' : `: ${of}`} (${length})`;
