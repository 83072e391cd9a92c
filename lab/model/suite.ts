import { z } from 'zod';

/** `suites/<name>/suite.yaml`: what the lab has to know of a suite without loading it. */
export const SuiteInfo = z
  .object({
    name: z.string().regex(/^[a-z][a-z0-9-]*$/),
    summary: z.string(),
    /** Guest profiles that it is written for. */
    guests: z.array(z.string()).min(1),
    /** Deadline of the whole suite in one cell, seconds. */
    timeoutSeconds: z.number().positive().default(300),
    /** Deadline of one test, seconds. */
    testTimeoutSeconds: z.number().positive().default(30),
  })
  .strict();
export type SuiteInfo = z.infer<typeof SuiteInfo>;
