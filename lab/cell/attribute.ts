import type { Complaint, TestResult } from '../model/result.ts';

/** A complaint with the test that was running when it was printed. */
export type AttributedComplaint = Complaint & { test?: string };

/**
 * Turns the verdict of each test that was running when a fatal complaint was printed into `crash`, whatever the test reported.
 * Tests are matched by name. A program that reports subtests has no result of its name: it gets one. A complaint outside of every test
 * fails only the cell.
 */
export function attributeComplaints(
  tests: readonly TestResult[],
  complaints: readonly AttributedComplaint[],
): TestResult[] {
  const names = new Set(tests.map(({ name }) => name));
  const isParent = (name: string) =>
    !names.has(name) && tests.some((test) => test.name.startsWith(`${name} > `));
  const parents = complaints.flatMap(({ fatal, test, title, text }): [string, TestResult][] =>
    fatal && test !== undefined && isParent(test)
      ? [[test, { name: test, verdict: 'crash', reason: title, detail: text }]]
      : [],
  );
  // Of several complaints the first counts.
  const ofParents = [...new Map(parents.reverse()).values()];
  const own = tests.map((test): TestResult => {
    const complaint = complaints.find(({ fatal, test: running }) => fatal && running === test.name);
    if (!complaint || test.verdict === 'crash') return test;
    return { ...test, verdict: 'crash', reason: complaint.title, detail: complaint.text };
  });
  return [...own, ...ofParents];
}
