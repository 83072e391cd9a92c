import { z } from 'zod';
import { Complaint, Verdict } from './result.ts';

export const Change = z.enum(['same', 'fixed', 'regressed', 'new', 'gone', 'changed']);
export type Change = z.infer<typeof Change>;

/** One test on both sides; a side that has no such test is absent. */
export const TestChange = z.object({
  /** `guest/suite`, with the two kernels named in the comparison. */
  cell: z.string(),
  name: z.string(),
  base: Verdict.optional(),
  patched: Verdict.optional(),
  change: Change,
  reason: z.string().optional(),
});
export type TestChange = z.infer<typeof TestChange>;

/** What `run --json` and `compare --json` print. */
export const Comparison = z.object({
  base: z.string(),
  patched: z.string(),
  fixed: z.number().int(),
  regressed: z.number().int(),
  same: z.number().int(),
  new: z.number().int(),
  gone: z.number().int(),
  changed: z.number().int(),
  /** Of the patched side: */
  skipped: z.number().int(),
  failed: z.number().int(),
  passed: z.number().int(),
  tests: z.array(TestChange),
  metrics: z.array(
    z.object({
      cell: z.string(),
      name: z.string(),
      unit: z.string(),
      better: z.enum(['lower', 'higher', 'none']),
      base: z.number().optional(),
      patched: z.number().optional(),
      /** How far apart the boots of either side were. */
      spread: z.number().optional(),
      /** `same`: the difference is no larger than what boots of one kernel differ by. Absent where a side has no figure. */
      verdict: z.enum(['better', 'worse', 'changed', 'same']).optional(),
    }),
  ),
  /** Cells that did not run to their end, on either side. */
  brokenCells: z.array(
    z.object({
      cell: z.string(),
      side: z.enum(['base', 'patched']),
      verdict: z.string(),
      reason: z.string().optional(),
    }),
  ),
  newWarnings: z.array(z.string()),
  /** Kernel complaints that only the patched side has. */
  newComplaints: z.array(Complaint.extend({ cell: z.string() })),
});
export type Comparison = z.infer<typeof Comparison>;
