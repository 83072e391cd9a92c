import { z } from 'zod';
import { Artefact } from './artefact.ts';
import { Side } from './cell.ts';
import { Confirmation } from './confirm.ts';
import { GuestProfile } from './guest.ts';
import { Note } from './note.ts';
import { Complaint, Metric, TestResult } from './result.ts';
import { Allowed } from './unproven.ts';
import { CellVerdict } from './verdict.ts';

/** Ids are unique within a run and opaque: what they stand for is in the entry that they name. */
const Id = z.string().min(1);

/** A kernel of a run, built or with the failure that says why not. */
export const KernelRecord = z.object({
  id: Id,
  /** For people: `debian-6.12+dma-premap`. */
  name: z.string(),
  side: Side,
  /** Id of the kernel that this one was made from: the base of a patched kernel, the healthy kernel of a mutant. */
  base: Id.optional(),
  /** Number of the last patch applied, where a series runs patch by patch. */
  step: z.number().int().min(1).optional(),
  /** Build key. */
  key: z.string().optional(),
  release: z.string().optional(),
  tree: z.string().optional(),
  configHash: z.string().optional(),
  compiler: z.string().optional(),
  warnings: z.array(z.string()),
  newWarnings: z.array(z.string()),
  /** Wall seconds of the build that made it, whenever that was. */
  buildSeconds: z.number().optional(),
  cached: z.boolean().optional(),
  sandboxed: z.boolean().optional(),
  /** The protections around its build; absent when an earlier version built it. */
  protections: z.array(z.string()).optional(),
  /** apply-failed or build-failed, with the evidence. */
  failure: z
    .object({ verdict: z.enum(['apply-failed', 'build-failed']), message: z.string(), detail: z.string() })
    .optional(),
});
export type KernelRecord = z.infer<typeof KernelRecord>;

/** One execution of a cell in a guest. */
export const Attempt = z.object({
  repeat: z.number().int().min(1),
  attempt: z.number().int().min(1),
  /** Which share of the tests it ran, where several guests share the cell. */
  shard: z.number().int().min(1).optional(),
  /** Tests that were announced and not begun when the attempt ended: a later attempt takes them. Absent: none. */
  notBegun: z.array(z.string()).optional(),
  /** Key of the cell spec. Absent in records of format 1. */
  key: z.string().optional(),
  verdict: CellVerdict,
  reason: z.string().optional(),
  /**
   * Of an attempt that the end of its run cut off. `running`: its tests are those that had finished, the announced rest is
   * `lost`. `planned`: it never began.
   */
  cutOff: z.enum(['running', 'planned']).optional(),
  /** Milliseconds from QEMU start to ready and to the first byte of TAP, and of the whole attempt. */
  timings: z.object({
    bootMs: z.number().optional(),
    firstTapMs: z.number().optional(),
    totalMs: z.number(),
  }),
  artefacts: z.array(Artefact),
  /**
   * Whether its guest booted or continued a template; `reason`: why it booted; `preloaded`: the template had loaded the agent. Absent in
   * records of earlier versions.
   */
  start: z
    .object({
      how: z.enum(['boot', 'fork']),
      reason: z.string().optional(),
      preloaded: z.literal(true).optional(),
    })
    .optional(),
  qemu: z
    .object({
      version: z.string(),
      accel: z.string(),
      commandLine: z.array(z.string()),
      /** What confined QEMU: `seccomp`, `mount-namespace`, `uid-61100`, ... Absent in records of earlier versions. */
      confinement: z.array(z.string()).optional(),
    })
    .optional(),
});
export type Attempt = z.infer<typeof Attempt>;

/** A cell of a run: the results of its repeats as one, and every attempt. */
export const CellRecord = z.object({
  /** Ids of the kernel, the guest profile and the suite. */
  kernel: Id,
  profile: Id,
  suite: Id,
  verdict: CellVerdict,
  /** Why the verdict is not `done`: title, and evidence (console tail, rejected hunk, compiler error). */
  reason: z.string().optional(),
  detail: z.string().optional(),
  tests: z.array(TestResult),
  complaints: z.array(Complaint),
  /** Figures of all tests that passed, named `<test>.<figure>`: the median over repeats. */
  metrics: z.array(Metric),
  attempts: z.array(Attempt),
});
export type CellRecord = z.infer<typeof CellRecord>;

/** How a benchmark measures. */
export const BenchSettings = z.object({
  /** `instructions`: guests whose clock counts instructions; `time`: the guest's own clock. */
  clock: z.enum(['instructions', 'time']),
  /** Turns of a full queue that are measured, and warm-up turns before them; absent: the suite's defaults. */
  turns: z.number().int().optional(),
  warmUp: z.number().int().optional(),
});
export type BenchSettings = z.infer<typeof BenchSettings>;

/** The plan as it was requested, names resolved. */
export const PlanRecord = z.object({
  sources: z.array(
    z.object({ kernel: z.string().optional(), tree: z.string().optional(), base: z.string().optional() }),
  ),
  series: z.string().optional(),
  withBase: z.boolean(),
  config: z.object({ start: z.string(), fragments: z.array(z.string()), debug: z.boolean() }),
  /** Pairs of guest profile and suite ids that run on every kernel. */
  pairs: z.array(z.object({ profile: Id, suite: Id })),
  repeats: z.number().int().min(1),
  only: z.array(z.string()),
  kernelArgs: z.array(z.string()),
  qemuArgs: z.array(z.string()),
  bootTimeoutMs: z.number(),
  jobs: z.number().int().min(1),
  restarts: z.number().int().min(0).optional(),
  isolate: z.boolean().optional(),
  /** `false`: every guest booted; absent: guests were forked of templates where that was possible. */
  fork: z.boolean().optional(),
  /** How often a regressed test was run again on each side. */
  confirm: z.number().int().min(0).optional(),
  /** Whether a flaky test fails the run; absent: it does not. */
  flaky: z.enum(['fail', 'warn']).optional(),
  accel: z.enum(['kvm', 'tcg']).optional(),
  bench: BenchSettings.optional(),
  /** `--allow-skips`, `--allow-gone`; absent where neither was given. */
  allow: Allowed.optional(),
});
export type PlanRecord = z.infer<typeof PlanRecord>;

/** Time that a stage took, ms from the start of the run. */
export const Span = z.object({
  stage: z.enum(['source', 'kernel', 'image', 'cell']),
  subject: z.string(),
  startMs: z.number(),
  ms: z.number(),
});
export type Span = z.infer<typeof Span>;

/** What became of one mutant. */
export const MutantRecord = z.object({
  name: z.string(),
  /** What it plants: the subject of its patch. */
  fault: z.string(),
  killed: z.boolean(),
  /** `guest/suite: test`, or the cell's verdict when the whole cell went down. */
  killedBy: z.string().optional(),
  /** Why the mutant does not apply or build: it then says nothing about the suite. */
  broken: z.string().optional(),
});
export type MutantRecord = z.infer<typeof MutantRecord>;

/** A patch of a series by what identifies it in mail. */
export const PostedPatch = z.object({
  /** Angle brackets included; absent where the series is not from mail. */
  messageId: z.string().optional(),
  author: z.object({ name: z.string(), email: z.string() }),
  /** Hex SHA-256 of its diff, as `Patch.diff` has it. */
  sha256: z.string(),
});
export type PostedPatch = z.infer<typeof PostedPatch>;

/** The series of a run. */
export const SeriesRecord = z.object({
  id: z.string(),
  name: z.string(),
  title: z.string(),
  /** Subjects, in order. */
  patches: z.array(z.string()),
  version: z.number().int().optional(),
  /** Message id of the cover letter. */
  messageId: z.string().optional(),
  /** The patches in the same order. Absent in records of earlier versions. */
  posted: z.array(PostedPatch).optional(),
  /** What reading the series left out, replaced, duplicated or filled in. */
  notes: z.array(Note).optional(),
});
export type SeriesRecord = z.infer<typeof SeriesRecord>;

/** The machine that made a run. */
export const HostFacts = z.object({
  cpu: z.string(),
  cores: z.number(),
  memoryMiB: z.number(),
  kernel: z.string(),
  node: z.string(),
});
export type HostFacts = z.infer<typeof HostFacts>;

/** The image of the first suite's guests, by content. */
export const ImageRecord = z.object({
  recipe: z.string(),
  key: z.string(),
  /** Debian packages that the request added to every image, without what they depend on. Those of a suite are in the cell specs. */
  packages: z.array(z.string()).optional(),
});

/** `run.json`: holds no path of the machine that made it. */
export const RunRecord = z.object({
  format: z.literal(2),
  id: z.string(),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  seconds: z.number(),
  ringlab: z.string(),
  host: HostFacts,
  /** Protections around code of kernels and recipes. `required: false`: `--unsafe-no-sandbox`. Absent in records of earlier versions. */
  sandbox: z.object({ required: z.boolean(), protections: z.array(z.string()) }).optional(),
  /** Absent in records of format 1. */
  plan: PlanRecord.optional(),
  series: SeriesRecord.optional(),
  kernels: z.array(KernelRecord),
  /** Guest profiles and suites by id. A record of format 1 has only their ids. */
  profiles: z.array(z.object({ id: Id, profile: GuestProfile.optional() })),
  suites: z.array(z.object({ id: Id, summary: z.string().optional(), payload: z.string().optional() })),
  image: ImageRecord.optional(),
  accel: z.object({ kind: z.enum(['kvm', 'tcg']), reason: z.string() }).optional(),
  seed: z.number().int(),
  /** Of benchmarks only. */
  bench: BenchSettings.extend({ repeats: z.number().int() }).optional(),
  /** Of runs over mutants only: those that were tried, in the order in which they ended. */
  mutants: z.array(MutantRecord).optional(),
  cells: z.array(CellRecord),
  /** Regressed tests that were run again. Absent where none was. */
  confirmations: z.array(Confirmation).optional(),
  spans: z.array(Span),
  /** What the lab itself got wrong; a cell that could not run has the verdict `lab-failed` besides. */
  failures: z.array(z.object({ subject: z.string(), message: z.string() })),
  /** True when the run was stopped before its end. */
  interrupted: z.boolean(),
  /** True while the run works. A record that still says so is of a run that was killed. */
  unfinished: z.boolean().optional(),
});
export type RunRecord = z.infer<typeof RunRecord>;

/** The kernel of a cell. Throws Error when the record does not have it, which no written record allows. */
export function kernelOf(record: Pick<RunRecord, 'kernels'>, cell: Pick<CellRecord, 'kernel'>): KernelRecord {
  const kernel = record.kernels.find(({ id }) => id === cell.kernel);
  if (!kernel) throw new Error(`the record has a cell of kernel ${cell.kernel}, which it does not list`);
  return kernel;
}

/** The cells of a record whose kernels are on a side. */
export function cellsOfSide(record: Pick<RunRecord, 'kernels' | 'cells'>, side: Side): CellRecord[] {
  return record.cells.filter((cell) => kernelOf(record, cell).side === side);
}

/** Milliseconds that all attempts of a cell took. */
export const totalMsOf = ({ attempts }: Pick<CellRecord, 'attempts'>): number =>
  attempts.reduce((sum, { timings }) => sum + timings.totalMs, 0);
