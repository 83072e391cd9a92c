import { z } from 'zod';
import { Side } from './cell.ts';
import { Confirmation } from './confirm.ts';
import { TestClass } from './protocol.ts';
import { Rate } from './rate.ts';
import { Complaint } from './result.ts';
import { Allowed, Unproven } from './unproven.ts';
import { CellVerdict, Verdict } from './verdict.ts';

/** What became of a test between two sides. */
export const Change = z.enum(['same', 'fixed', 'regressed', 'new', 'gone', 'changed']);
export type Change = z.infer<typeof Change>;

/** The most patched kernels that are compared with one base: more columns cannot be read side by side. */
export const MAX_PATCHED = 4;

/** A kernel of a comparison: its id in the record, and its name for people. */
export const KernelRef = z.object({ id: z.string(), name: z.string() });
export type KernelRef = z.infer<typeof KernelRef>;

/** A base with the patched kernels that are compared with it. A side that is not there is absent or empty. */
export const Lineup = z.object({
  base: KernelRef.optional(),
  patched: z.array(KernelRef).max(MAX_PATCHED),
});
export type Lineup = z.infer<typeof Lineup>;

/** Where a row of a comparison belongs. Of two runs the kernel is the later run's, or absent where it has no such cell. */
const Place = z.object({
  /** For people: `guest/suite`, with the kernel in front where the comparison has several. */
  cell: z.string(),
  /** Id of the patched kernel (of the base for a row that only the base has). */
  kernel: z.string(),
  profile: z.string(),
  suite: z.string(),
});

/** One test on both sides; a side that has no such test is absent. */
export const TestChange = Place.extend({
  name: z.string(),
  base: Verdict.optional(),
  patched: Verdict.optional(),
  change: Change,
  /** What a failure means for a series by others; absent: the suite does not say. */
  class: TestClass.optional(),
  reason: z.string().optional(),
  /** How often it failed on each side, of a test that ran in several boots. */
  rates: z.object({ base: Rate.optional(), patched: Rate.optional() }).optional(),
  /** Of a regressed test that was run again: what its reruns say. */
  confirmation: Confirmation.pick({
    ...{ outcome: true, base: true, patched: true, after: true, reason: true },
  }).optional(),
});
export type TestChange = z.infer<typeof TestChange>;

/** Whether a regressed test is known to be flaky. A kernel that died or complained is never only flaky. */
export const isFlaky = ({ change, patched, confirmation }: TestChange): boolean =>
  change === 'regressed' && patched !== 'crash' && confirmation?.outcome === 'flaky';

/** One metric on both sides; a side that has no such metric is absent. */
export const MetricChange = Place.extend({
  name: z.string(),
  unit: z.string(),
  better: z.enum(['lower', 'higher', 'none']),
  base: z.number().optional(),
  patched: z.number().optional(),
  /** The larger spread of the two sides. */
  spread: z.number().optional(),
  /** The value of each boot of a side, of a figure that was measured in several boots. */
  boots: z
    .object({ base: z.array(z.number()).optional(), patched: z.array(z.number()).optional() })
    .optional(),
  /** The largest difference that is no change, in the figure's unit. Absent where a side has no figure. */
  threshold: z.number().optional(),
  /** `same`: the difference is at most `threshold`. Absent where a side has no figure. */
  verdict: z.enum(['better', 'worse', 'changed', 'same']).optional(),
});
export type MetricChange = z.infer<typeof MetricChange>;

/** A cell that did not run to its end. */
export const BrokenCell = Place.extend({
  side: Side,
  verdict: CellVerdict,
  reason: z.string().optional(),
});
export type BrokenCell = z.infer<typeof BrokenCell>;

/** What `run --json` and `compare --json` print. */
export const Comparison = z.object({
  /** What the comparison does not prove, so that it fails (exit code 1). Absent where there is no such thing. */
  unproven: z.array(Unproven).optional(),
  /** What the user allowed; absent where nothing was. */
  allowed: Allowed.optional(),
  /** `sides`: base and patched kernels of one run; `runs`: two runs. */
  kind: z.enum(['sides', 'runs']),
  /** Ids of the runs; the same id twice for `sides`. */
  runs: z.object({ base: z.string(), patched: z.string() }),
  /** Of two runs those that were interrupted or killed: what they lack proves nothing. Absent where both ended. */
  unfinished: z.array(Side).optional(),
  /** Which kernels are compared with which. */
  kernels: z.array(Lineup),
  fixed: z.number().int(),
  regressed: z.number().int(),
  /** Regressed tests that are flaky: reruns showed both outcomes on one kernel. Absent where none is. */
  flaky: z.number().int().optional(),
  /** A flaky test fails the comparison; absent: it does not. */
  flakyFails: z.literal(true).optional(),
  same: z.number().int(),
  new: z.number().int(),
  gone: z.number().int(),
  changed: z.number().int(),
  /** Of the patched side: */
  skipped: z.number().int(),
  failed: z.number().int(),
  passed: z.number().int(),
  tests: z.array(TestChange),
  metrics: z.array(MetricChange),
  /** On either side. */
  brokenCells: z.array(BrokenCell),
  newWarnings: z.array(z.string()),
  /** Kernel complaints that only the patched side has. */
  newComplaints: z.array(Complaint.extend(Place.shape)),
});
export type Comparison = z.infer<typeof Comparison>;

/** The names of all kernels on one side, as `base` or `patched` is labelled. */
export function labelOf({ kernels }: Pick<Comparison, 'kernels'>, side: Side): string {
  const refs = kernels.flatMap(({ base, patched }) => (side === 'patched' ? patched : base ? [base] : []));
  return [...new Set(refs.map(({ name }) => name))].join(', ');
}
