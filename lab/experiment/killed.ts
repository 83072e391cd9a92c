import type { TestResult } from '../model/result.ts';
import type { CellRecord } from '../model/run.ts';
import { isFailure } from '../model/verdict.ts';

/** Whether a cell did not run to its end. */
export const isDown = (cell: CellRecord): boolean => cell.verdict !== 'done';

/**
 * Gives the predicate for a test that a mutant breaks: it passes without the mutant. A known fault (todo) counts as well: on a
 * kernel that has fixed the fault, the mutant brings it back.
 */
export function breaks(baseline: CellRecord): (test: TestResult) => boolean {
  const passed = new Set(baseline.tests.filter(({ verdict }) => verdict === 'pass').map(({ name }) => name));
  return ({ name, verdict }) => (isFailure(verdict) || verdict === 'todo') && passed.has(name);
}

/** What a mutant broke that is sound without it: `guest/suite: test`, or the cell's verdict; undefined if nothing. */
export function killer(baseline: CellRecord, mutated: CellRecord): string | undefined {
  const where = `${mutated.profile}/${mutated.suite}`;
  const broken = mutated.tests.find(breaks(baseline));
  if (broken) return `${where}: ${broken.name}`;
  const wentDown = isDown(mutated) && !isDown(baseline) && mutated.verdict !== 'lab-failed';
  return wentDown ? `${where}: ${mutated.verdict}, ${mutated.reason}` : undefined;
}
