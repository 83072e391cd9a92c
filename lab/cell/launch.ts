import type { TestResult } from '../model/result.ts';

/** What runs in a guest as a suite: the agent, or a program of the user's. What it needs is there until it is disposed of. */
export interface Start extends AsyncDisposable {
  command: string;
  /**
   * For programs: the only test's result made from the exit code, given all output, when it printed no TAP; undefined where
   * TAP is demanded. Absent: the exit code is the agent's.
   */
  byExitCode?: (code: number | null, output: string, anyTap: boolean) => TestResult | undefined;
}
