import { z } from 'zod';

/**
 * How a program says its verdict: `tap` (TAP or KTAP), or its exit code by the convention of kselftest (4 skips), liburing (77
 * skips) or none (`plain`). `auto`: TAP if it prints any, else its exit code, as kselftest where its path says so, else liburing.
 */
export const ProgramVerdict = z.enum(['auto', 'tap', 'kselftest', 'liburing', 'plain']);
export type ProgramVerdict = z.infer<typeof ProgramVerdict>;

/** `suite.yaml`: what the lab has to know of a suite without loading it. */
export const SuiteInfo = z
  .object({
    name: z.string().regex(/^[a-z][a-z0-9-]*$/),
    summary: z.string().default(''),
    /** Guest profiles that it is written for. */
    guests: z.array(z.string()).min(1).default(['plain']),
    /** Deadline of the whole suite in one cell, seconds. */
    timeoutSeconds: z.number().positive().default(300),
    /** Deadline of one test, seconds. */
    testTimeoutSeconds: z.number().positive().default(30),
    /** Runs only where it is asked for by name: it is no part of "all suites". */
    onRequest: z.boolean().default(false),
    /** A program in place of `index.ts`: its file, relative to the suite's folder, and its arguments. */
    run: z.array(z.string()).min(1).optional(),
    /** With `run`: files and folders that it needs besides, relative to the suite's folder. */
    files: z.array(z.string()).default([]),
    /** With `run`: how its verdict is read. */
    verdict: ProgramVerdict.default('auto'),
  })
  .strict();
export type SuiteInfo = z.infer<typeof SuiteInfo>;

/** A suite that was found: its facts and where it lies on this machine. */
export interface Suite extends SuiteInfo {
  dir: string;
}
