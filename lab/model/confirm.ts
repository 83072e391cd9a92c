import { z } from 'zod';
import { Artefact } from './artefact.ts';
import { Side } from './cell.ts';
import { Rate, rateWords } from './rate.ts';
import { Verdict } from './verdict.ts';

/** A test that was run again in a fresh guest. */
export const Rerun = z.object({
  side: Side,
  /** Absent: the lab could not run it, which says nothing about the kernel. */
  verdict: Verdict.optional(),
  reason: z.string().optional(),
  /** Tests that ran before it in the same guest; absent: it ran alone. */
  after: z.array(z.string()).optional(),
  /** Milliseconds, boot included. */
  totalMs: z.number(),
  artefacts: z.array(Artefact),
});
export type Rerun = z.infer<typeof Rerun>;

/**
 * What the reruns of a regressed test say:
 * - `fails`: it failed each time on the patched kernel and never on the base.
 * - `flaky`: it both passed and failed on one kernel.
 * - `after-others`: alone it passes; it fails after the tests of `after`.
 * - `unknown`: it was not run again, for `reason`.
 */
export const ConfirmOutcome = z.enum(['fails', 'flaky', 'after-others', 'unknown']);
export type ConfirmOutcome = z.infer<typeof ConfirmOutcome>;

/** A test that failed on the patched kernel and not on its base, and what its reruns say. */
export const Confirmation = z.object({
  /** Ids of the patched kernel, the guest profile and the suite. */
  kernel: z.string(),
  profile: z.string(),
  suite: z.string(),
  test: z.string(),
  outcome: ConfirmOutcome,
  /** The first run included; reruns after other tests do not count. */
  base: Rate,
  patched: Rate,
  /** The shortest sequence of earlier tests after which it was seen to fail. */
  after: z.array(z.string()).optional(),
  reason: z.string().optional(),
  reruns: z.array(Rerun),
});
export type Confirmation = z.infer<typeof Confirmation>;

/** The outcome in words, for people: `fails 3 of 3, on base 0 of 3`. */
export function confirmWords(
  confirmation: Pick<Confirmation, 'outcome' | 'base' | 'patched' | 'after' | 'reason'>,
): string {
  const { outcome, base, patched, after = [], reason } = confirmation;
  const rates = `${rateWords(patched)}, on base ${rateWords(base)}`;
  if (outcome === 'unknown') return `not confirmed: ${reason ?? 'no rerun gave a result'}`;
  if (outcome === 'fails') return `fails ${rates}`;
  if (outcome === 'flaky') return `flaky: fails ${rates}`;
  const names = after.map((name) => JSON.stringify(name)).join(', ');
  return `passes alone, fails only after ${names}: alone ${rates}`;
}
