import type { EventOf } from '../../model/event.ts';
import type { TestResult } from '../../model/result.ts';
import { isFailure, type Verdict } from '../../model/verdict.ts';

/** Tests by how they ended; `failed` has every verdict of `FAILURES`. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  todo: number;
}

export const NO_TESTS: Counts = { passed: 0, failed: 0, skipped: 0, todo: 0 };

function fieldOf(verdict: Verdict): keyof Counts {
  if (isFailure(verdict)) return 'failed';
  if (verdict === 'skip') return 'skipped';
  return verdict === 'todo' ? 'todo' : 'passed';
}

/** The counts with one more test. */
export function plusTest(counts: Counts, { verdict }: Pick<TestResult, 'verdict'>): Counts {
  const field = fieldOf(verdict);
  return { ...counts, [field]: counts[field] + 1 };
}

/** The counts of these tests. */
export function countsOf(tests: readonly Pick<TestResult, 'verdict'>[]): Counts {
  const counts = { ...NO_TESTS };
  for (const { verdict } of tests) counts[fieldOf(verdict)]++;
  return counts;
}

export const sumOf = (a: Counts, b: Counts): Counts => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
  todo: a.todo + b.todo,
});

export const allOf = ({ passed, failed, skipped, todo }: Counts): number => passed + failed + skipped + todo;

/** `62 passed`, `1 failed`, ...: the counts that are not zero, in this order. */
export function countWords(counts: Counts): { field: keyof Counts; text: string }[] {
  const fields = ['passed', 'failed', 'skipped', 'todo'] as const;
  return fields
    .filter((field) => counts[field] > 0)
    .map((field) => ({ field, text: `${counts[field]} ${field}` }));
}

/** The tests that an attempt has decided: another attempt has those that it left. */
export function decidedTests({
  result: { tests, attempts },
  continues,
}: Pick<EventOf<'cell.end'>, 'result' | 'continues'>): TestResult[] {
  if (!continues) return tests;
  const left = new Set(attempts.flatMap(({ notBegun = [] }) => notBegun));
  return tests.filter(({ name }) => !left.has(name));
}
