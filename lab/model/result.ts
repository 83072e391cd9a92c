import { z } from 'zod';
import { TestClass } from './protocol.ts';
import { Rate } from './rate.ts';
import { isFailure, Verdict } from './verdict.ts';

/** One measured figure with its better direction. */
export const Metric = z.object({
  name: z.string(),
  value: z.number(),
  unit: z.string(),
  better: z.enum(['lower', 'higher', 'none']),
  /** Difference between the largest and the smallest value over repeats. Absent for a single boot. */
  spread: z.number().optional(),
  /** The value of each boot in the order of the repeats, where there were several; `value` is their median. None is left out. */
  boots: z.array(z.number()).optional(),
  /** Share of the figure by which boots of one kernel differ, where that is more than the usual 0.2%. */
  noise: z.number().optional(),
});
export type Metric = z.infer<typeof Metric>;

/** One test with its verdict and the evidence for it. */
export const TestResult = z.object({
  /** Full name, outer subtests first, joined by ` > `. */
  name: z.string(),
  verdict: Verdict,
  /** Why it was skipped, or the one-line message of a failure. */
  reason: z.string().optional(),
  /** Of a skip: the name that the kernel under test does not have, e.g. `IORING_REGISTER_MAP_BUFFERS`. */
  lacks: z.string().optional(),
  /** Which of several correct behaviours the test saw, and why there are several: kernel releases may differ. */
  behaviour: z.string().optional(),
  /** What a failure means for a series by others; absent: the suite does not say. */
  class: TestClass.optional(),
  /** Where the series chose otherwise than this project's, in words; no failures. */
  choices: z.array(z.string()).optional(),
  /** Of a pass: what it lacks evidence for, e.g. that a mapping was used. */
  unproven: z.string().optional(),
  /** YAML diagnostics or comment lines, as text. */
  detail: z.string().optional(),
  /** What it left behind in its guest, in words: a tainted kernel, blocked tasks, open files, memory. Absent: nothing was found. */
  leftovers: z.array(z.string()).optional(),
  durationMs: z.number().optional(),
  /** Figures of the test, named as the test names them. */
  metrics: z.array(Metric).optional(),
  /** How often it failed, where it ran in several boots; `verdict` is the worst then. */
  rate: Rate.optional(),
});
export type TestResult = z.infer<typeof TestResult>;

/** A report that a kernel printed about itself. */
export const Complaint = z.object({
  /** `KASAN: slab-use-after-free in nvme_x`, a stable title. */
  title: z.string(),
  /** Kind and first five functions of the trace, numbers normalised: equal for the same fault. */
  signature: z.string(),
  /**
   * The report as printed, prefixes kept. Where the kernel has debug information, each function of the kernel proper is followed by
   * its `file:line`, after a line `f file:line [inline]` for each function that was inlined there.
   */
  text: z.string(),
  /** First line's number in the console log, from 1. */
  line: z.number().int(),
  /** False for a line worth quoting that does not fail a cell (a reset that a test asked for). */
  fatal: z.boolean(),
  /** Reason of the known complaint that matches: a fault of the base, which fails nothing. */
  known: z.string().optional(),
});
export type Complaint = z.infer<typeof Complaint>;

const STREAM_FLAW = /^\((?:all|plan|bail out|end of suite|further results|\d+ further announced tests)\)$/;

/**
 * True for a result that stands for a flaw of a stream (`lab/tap`), or for failed tests of which only the number is known: the name is
 * not that of a test, so a healthy stream does not have it.
 */
export const isStreamResult = ({ name, verdict }: Pick<TestResult, 'name' | 'verdict'>): boolean =>
  STREAM_FLAW.test(name) || (/^#\d+(?:\.\.#\d+)?$/.test(name) && isFailure(verdict));

/** Whether a result is that of a test, or of a subtest of it. */
export const isResultOf = (name: string, test: string): boolean =>
  name === test || name.startsWith(`${test} > `);

/** The outermost test that a subtest is part of, a program of a folder; of any other test its own name. */
export const programOf = (name: string): string => name.split(' > ', 1)[0] ?? name;

/** The tests that a subtest is part of: `a` and `a > b` of `a > b > c`. */
export function outerNames(name: string): string[] {
  const parts = name.split(' > ').slice(0, -1);
  return parts.map((_part, index) => parts.slice(0, index + 1).join(' > '));
}
