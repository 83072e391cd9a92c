import type { TestResult } from '../model/result.ts';

/** What runs in a guest as a suite, the agent or a program, with its files pushed. Disposing ends the host's services for it. */
export interface Launch extends AsyncDisposable {
  /** Shell command that runs the suite. */
  command: string;
  /**
   * For programs: the only test's result by exit code and all output; undefined where TAP decides. Absent for the agent, whose
   * exit code says how the suite ended.
   */
  byExitCode?: (code: number | null, output: string, anyTap: boolean) => TestResult | undefined;
}
