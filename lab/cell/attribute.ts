import type { Complaint, TestResult } from '../model/result.ts';

/** A complaint with the test that was running when it was printed. */
export type AttributedComplaint = Complaint & { test?: string };

/**
 * Turns the verdict of each test that was running when a fatal complaint was printed into `crash`, whatever the test reported.
 * Tests are matched by name; a complaint outside of every test fails only the cell.
 */
export function attributeComplaints(
  tests: readonly TestResult[],
  complaints: readonly AttributedComplaint[],
): TestResult[] {
  return tests.map((test) => {
    const complaint = complaints.find(({ fatal, test: running }) => fatal && running === test.name);
    if (!complaint || test.verdict === 'crash') return test;
    return { ...test, verdict: 'crash', reason: complaint.title, detail: complaint.text };
  });
}
