import type { TestResult } from '../lab/model/result.ts';
import type { ReportInput } from './input.ts';
import { cellAt, cellName } from './rows.ts';

/** A test that left something behind in its guest. */
export interface Left {
  cell: string;
  name: string;
  leftovers: readonly string[];
}

/** What it is, without how much: two runs leave other numbers behind. */
const kindOf = (leftover: string) => leftover.replace(/[\d.]+/g, '#');

const leftBy = (tests: readonly TestResult[] | undefined, name: string): readonly string[] =>
  tests?.find((test) => test.name === name)?.leftovers ?? [];

/** Tests that left something behind; where there is a comparison, what they do not leave behind on the base. */
export function leftoversOf({ record, comparison }: ReportInput): Left[] {
  if (!comparison)
    return record.cells.flatMap((cell) =>
      cell.tests.flatMap(({ name, leftovers }) =>
        leftovers ? [{ cell: cellName(record, cell), name, leftovers }] : [],
      ),
    );
  return comparison.tests.flatMap((row) => {
    const input = { record, comparison };
    const on = (side: 'base' | 'patched') => leftBy(cellAt(input, side, row)?.tests, row.name);
    const known = new Set(on('base').map(kindOf));
    const leftovers = on('patched').filter((leftover) => !known.has(kindOf(leftover)));
    return leftovers.length > 0 ? [{ cell: row.cell, name: row.name, leftovers }] : [];
  });
}
