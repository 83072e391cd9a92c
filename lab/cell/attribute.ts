import type { Complaint, TestResult } from '../model/result.ts';

/** A complaint with the test that was running when it was printed. */
export type Attributed = Complaint & { test?: string };

/**
 * A fatal complaint fails the test that was running, whatever that test thought of itself.
 * Tests are matched by name; a complaint outside of every test fails only the cell.
 */
export function blame(tests: readonly TestResult[], complaints: readonly Attributed[]): TestResult[] {
  return tests.map((test) => {
    const guilty = complaints.find((complaint) => complaint.fatal && complaint.test === test.name);
    if (!guilty || test.verdict === 'crash') return test;
    return { ...test, verdict: 'crash', reason: guilty.title, detail: guilty.text };
  });
}
