import { z } from 'zod';

/**
 * How a program reports its verdict: `tap` (TAP or KTAP), or by its exit code in the convention of kselftest (4: skipped), liburing
 * (77: skipped) or neither (`plain`). `auto`: TAP if it prints any, else its exit code, as kselftest if its path contains
 * `/selftests/`, else as liburing.
 */
export const ProgramVerdict = z.enum(['auto', 'tap', 'kselftest', 'liburing', 'plain']);
export type ProgramVerdict = z.infer<typeof ProgramVerdict>;

/** `suite.yaml`: what the lab must know about a suite before it is loaded. */
export const SuiteInfo = z
  .object({
    name: z.string().regex(/^[a-z][a-z0-9-]*$/),
    summary: z.string().default(''),
    /** Guest profiles that the suite is written for. */
    guests: z.array(z.string()).min(1).default(['plain']),
    /** Deadline of the whole suite in one cell, seconds. */
    timeoutSeconds: z.number().positive().default(300),
    /** Deadline of one test, seconds. */
    testTimeoutSeconds: z.number().positive().default(30),
    /** Runs only when it is requested by name, not as one of all suites. */
    onRequest: z.boolean().default(false),
    /** A program instead of `index.ts`: its file, relative to the suite's folder, and its arguments. */
    run: z.array(z.string()).min(1).optional(),
    /** With `run`: further files and folders that the program needs, relative to the suite's folder. */
    files: z.array(z.string()).default([]),
    /** With `run`: how its verdict is read. */
    verdict: ProgramVerdict.default('auto'),
  })
  .strict();
export type SuiteInfo = z.infer<typeof SuiteInfo>;

/** A suite with its folder on this machine. */
export interface Suite extends SuiteInfo {
  dir: string;
}
