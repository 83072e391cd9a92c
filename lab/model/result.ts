import { z } from 'zod';

export const Verdict = z.enum(['pass', 'fail', 'skip', 'todo', 'timeout', 'crash', 'lost']);
export type Verdict = z.infer<typeof Verdict>;

/** Verdicts of a whole cell; `done` = the suite ran to its end and its tests say the rest. */
export const CellVerdict = z.enum([
  'done',
  'apply-failed',
  'build-failed',
  'boot-failed',
  'crash',
  'lost',
  'timeout',
]);
export type CellVerdict = z.infer<typeof CellVerdict>;

export const TestResult = z.object({
  /** Full name, outer subtests first, joined by ` > `. */
  name: z.string(),
  verdict: Verdict,
  /** Why it was skipped, or the one-line message of a failure. */
  reason: z.string().optional(),
  /** Which of several right behaviours it saw, and why there are several: kernels of different releases may differ. */
  behaviour: z.string().optional(),
  /** YAML diagnostics or comment lines, as text. */
  detail: z.string().optional(),
  durationMs: z.number().optional(),
});
export type TestResult = z.infer<typeof TestResult>;

/** A report that a kernel printed about itself. */
export const Complaint = z.object({
  /** `KASAN: slab-use-after-free in nvme_x`, a stable title. */
  title: z.string(),
  /** Kind + first five functions of the trace, numbers normalised: equal for the same fault. */
  signature: z.string(),
  /** The report as printed, prefixes kept. */
  text: z.string(),
  /** First line's number in the console log, from 1. */
  line: z.number().int(),
  /** False for lines worth quoting that do not fail a cell (a reset that a test asked for). */
  fatal: z.boolean(),
  /** Why it fails nobody, though of a kind that does: a fault of the base that is known. */
  known: z.string().optional(),
});
export type Complaint = z.infer<typeof Complaint>;

/** One figure; which way is better is part of it. */
export const Metric = z.object({
  name: z.string(),
  value: z.number(),
  unit: z.string(),
  better: z.enum(['lower', 'higher', 'none']),
  spread: z.number().optional(),
  /** What boots of one kernel may differ by, as a share of the figure, where that is more than usual. */
  noise: z.number().optional(),
});
export type Metric = z.infer<typeof Metric>;

export const CellResult = z.object({
  /** `debian-6.12+dma-premap/swiotlb/dma-premap`. */
  name: z.string(),
  kernel: z.string(),
  guest: z.string(),
  suite: z.string(),
  /** Is the kernel the base of the comparison, or the base with the series? */
  side: z.enum(['base', 'patched']),
  verdict: CellVerdict,
  /** Why the verdict is not `done`: title and evidence (console tail, rejected hunk, compiler error). */
  reason: z.string().optional(),
  detail: z.string().optional(),
  tests: z.array(TestResult),
  complaints: z.array(Complaint),
  metrics: z.array(Metric),
  /** Milliseconds: QEMU start to hello, to first TAP line, to the end. */
  timings: z.object({
    bootMs: z.number().optional(),
    firstTapMs: z.number().optional(),
    totalMs: z.number(),
  }),
  /** File names inside the record's folder. */
  files: z.object({ tap: z.string().optional(), console: z.string().optional() }),
  qemu: z.object({ version: z.string(), accel: z.string(), commandLine: z.array(z.string()) }).optional(),
});
export type CellResult = z.infer<typeof CellResult>;

export const KernelRecord = z.object({
  name: z.string(),
  side: z.enum(['base', 'patched']),
  key: z.string().optional(),
  release: z.string().optional(),
  tree: z.string().optional(),
  configHash: z.string().optional(),
  compiler: z.string().optional(),
  warnings: z.array(z.string()),
  newWarnings: z.array(z.string()),
  buildSeconds: z.number().optional(),
  cached: z.boolean().optional(),
  sandboxed: z.boolean().optional(),
  /** apply-failed / build-failed, with the evidence. */
  failure: z.object({ verdict: z.string(), message: z.string(), detail: z.string() }).optional(),
});
export type KernelRecord = z.infer<typeof KernelRecord>;

/** How a benchmark was taken. */
export const Measuring = z.object({
  /** `instructions`: guests whose clock counts those; `time`: the guest's own. */
  clock: z.enum(['instructions', 'time']),
  /** Turns of a full queue that are counted, and those before them that are not, where the suite's own numbers were not wanted. */
  turns: z.number().int().optional(),
  warmUp: z.number().int().optional(),
});
export type Measuring = z.infer<typeof Measuring>;

/** `run.json`: holds no path of the machine that made it. */
export const RunRecord = z.object({
  format: z.literal(1),
  id: z.string(),
  startedAt: z.string(),
  seconds: z.number(),
  ringlab: z.string(),
  series: z
    .object({ id: z.string(), name: z.string(), title: z.string(), patches: z.array(z.string()) })
    .optional(),
  kernels: z.array(KernelRecord),
  image: z.object({ recipe: z.string(), key: z.string() }).optional(),
  agentHash: z.string().optional(),
  host: z.object({
    cpu: z.string(),
    cores: z.number(),
    memoryMiB: z.number(),
    kernel: z.string(),
    node: z.string(),
  }),
  seed: z.number().int(),
  /** Of benchmarks only. */
  measuring: Measuring.extend({ boots: z.number().int() }).optional(),
  cells: z.array(CellResult),
  /** Set when the run was stopped before its end. */
  interrupted: z.boolean(),
});
export type RunRecord = z.infer<typeof RunRecord>;
