import type { TestResult } from '../model/result.ts';

/** The ends of what a program printed. */
export interface ProgramOutput {
  stdout: string;
  stderr: string;
}

/** What runs in a guest as a suite, the agent or a program, with its files pushed. Disposing ends the host's services for it. */
export interface Launch extends AsyncDisposable {
  /** Shell command that runs the suite. */
  command: string;
  /**
   * For programs: the only test's result by exit code and output; undefined where TAP decides. Absent for the agent, whose
   * exit code says how the suite ended.
   */
  byExitCode?: (code: number | null, output: ProgramOutput, anyTap: boolean) => TestResult | undefined;
  /** Why the suite did not run to its end, where an exit code says more than its number. */
  describeCode?: (code: number) => string | undefined;
}
