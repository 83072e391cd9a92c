import { z } from 'zod';

/** One result of `ringlab check`, as `b4 review` (0.15 and later) reads it. */
export const CheckResult = z.object({
  /** Column of b4's table of results. */
  tool: z.string(),
  status: z.enum(['pass', 'warn', 'fail']),
  /** One line. */
  summary: z.string(),
  url: z.string().optional(),
  /** Several lines. */
  details: z.string(),
});
export type CheckResult = z.infer<typeof CheckResult>;
