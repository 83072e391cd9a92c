import { z } from 'zod';

/**
 * What a run or a comparison does not prove although no test need have failed; exit code 1.
 * - `kernel-failed`: a kernel could not be made, so no test ran on it.
 * - `no-test`: no test gave a result on the kernel. `not-selected`: because no name of a test contains what `--only` asks for.
 * - `all-skipped`, `all-lost`: of `count` tests on the kernel none was executed.
 * - `none-passed`: all `count` tests that were executed on the kernel fail, on the base too.
 * - `skipped`: `count` tests that were executed on the base are skipped now, or passed there and are expected to fail now (todo).
 * - `gone`: `count` tests that were executed on the base are not there.
 * - `nothing-compared`: two runs have no test in common.
 * - `no-figure`: a benchmark has no figure. `figures-gone`: `count` figures of the base are not there.
 */
export const Unproven = z.object({
  code: z.enum([
    ...(['kernel-failed', 'not-selected', 'no-test', 'all-skipped', 'all-lost', 'none-passed'] as const),
    ...(['skipped', 'gone', 'nothing-compared', 'no-figure', 'figures-gone'] as const),
  ]),
  /** Names of the kernel, or of the cells whose tests are meant. */
  subjects: z.array(z.string()),
  /** Tests, figures or kernels that are meant. */
  count: z.number().int().min(0),
  /** The most frequent reason of these tests, or the kernel's failure. */
  reason: z.string().optional(),
});
export type Unproven = z.infer<typeof Unproven>;

/** What the user declares to be no fault: tests that are skipped, tests and figures that are gone. */
export const Allowed = z.object({ skips: z.boolean(), gone: z.boolean() });
export type Allowed = z.infer<typeof Allowed>;

export const NOTHING_ALLOWED: Allowed = { skips: false, gone: false };
