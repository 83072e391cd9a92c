import { z } from 'zod';
import { CellSpec } from './cell.ts';
import { CheckResult } from './check.ts';
import { Comparison } from './compare.ts';
import { LabEvent } from './event.ts';
import { GuestProfile } from './guest.ts';
import {
  FlakyTest,
  HistoryDiff,
  HistoryRun,
  HistoryShow,
  MetricHistory,
  TestHistory,
  TriageNote,
} from './history.ts';
import { Note } from './note.ts';
import { MutantRecord, PlanRecord, RunRecord } from './run.ts';
import { Patch, Series } from './series.ts';
import { ListedSource, SourceUpdate } from './source-list.ts';
import { SuiteInfo } from './suite.ts';
import { Unproven } from './unproven.ts';

const count = z.number().int().min(0);
const path = (text: string) => z.string().describe(text);

const Doctor = z.object({
  ok: z.boolean().describe('True when every required need is met.'),
  findings: z.array(
    z.object({
      need: z.string().describe('What is needed, as a user would name it: `QEMU device nvme`.'),
      ok: z.boolean(),
      found: z.string().optional().describe('What the machine has; absent when it has nothing.'),
      level: z
        .enum(['required', 'optional'])
        .describe('Without an optional need ringlab does less, or is slower.'),
      fix: z.string().optional().describe('How to fix it; present when `ok` is false.'),
    }),
  ),
});

const SeriesOutput = Series.omit({ patches: true, foreign: true, notes: true }).extend({
  kernelPatches: count.describe('Number of patches with `foreign: null`.'),
  foreignPatches: count.describe('Number of patches for another project.'),
  patches: z
    .array(
      Patch.extend({
        foreign: z.string().nullable().describe('Why the patch is not applied to a kernel; null when it is.'),
      }),
    )
    .describe('Every patch of the posting, by number.'),
  notes: z.array(Note).describe('What reading the series left out, replaced, duplicated or filled in.'),
});

const SeriesList = z.array(
  z.object({
    name: z.string(),
    title: z.string(),
    from: z.enum(['own', 'imported']).describe('`own`: in kernels/series/; `imported`: in the cache.'),
    patches: count.describe('Number of patches, those for another project left out.'),
    version: z.number().int().min(1),
    id: z.string(),
  }),
);

const Build = z.object({
  key: z.string().describe('Content key: tree, finished config, compiler, linker and architecture.'),
  name: z.string().describe('Name of the source tree.'),
  release: z.string().describe('`uname -r`.'),
  tree: z.string().describe('Tree hash of the source.'),
  commit: z.string(),
  configHash: z.string(),
  compiler: z.string(),
  dir: path('Folder of the kernel in the store; all other paths are in it.'),
  vmlinux: path('The kernel with its symbols.'),
  bootImage: path('The compressed image for other boot loaders, with --boot-image.').optional(),
  systemMap: z.string(),
  config: z.string(),
  uapi: path('Names and numbers of the interfaces in the installed headers, as JSON.'),
  log: z.string(),
  warnings: z.array(z.string()).describe('`file: message` without line numbers, sorted, unique.'),
  newWarnings: z
    .array(z.string())
    .optional()
    .describe('Warnings that the base does not have; absent for a base.'),
  cached: z.boolean().describe('True when the store had this kernel already.'),
  seconds: z.number().describe('Wall seconds of the build that made it, whenever that was.'),
  sandboxed: z.boolean(),
  protections: z
    .array(z.string())
    .optional()
    .describe('The protections around the build; absent when an earlier version built it.'),
});

const BuildEach = z.array(
  z.object({
    name: z.string().describe('Name of the tree: the base, then the tree after each patch.'),
    commit: z.string(),
    ok: z.boolean(),
    warnings: z.array(z.string()).describe('Of the whole kernel; empty when it does not build.'),
    newWarnings: z
      .array(z.string())
      .describe('Warnings that the previous tree that was built does not have.'),
    seconds: z.number(),
    error: z
      .object({ message: z.string(), detail: z.string().describe('Output of the compiler.') })
      .optional()
      .describe('Present when `ok` is false.'),
  }),
);

const Command = z.array(z.string()).describe("QEMU's command line, one word each, program first.");

const RunDryRun = z.object({
  kernels: z.array(z.string()).describe('Names, each base before its patched kernel.'),
  config: PlanRecord.shape.config,
  seed: z.number().int(),
  cells: z.array(z.object({ name: z.string(), timeoutSeconds: z.number(), command: Command })),
});

const Mutants = z.object({
  mutants: z.array(MutantRecord),
  killed: count,
  total: count,
});

/** Of a run without a comparison: as `Comparison.unproven`. */
const unproven = z
  .array(Unproven)
  .optional()
  .describe(
    'What the run or comparison does not prove, so that it fails. Absent where there is no such thing.',
  );

/** Schemas of everything that ringlab writes for programs, by the name of the published file (`reports/schema/NAME.schema.json`). */
export const outputs = {
  'run-record': RunRecord,
  comparison: Comparison,
  event: LabEvent,
  'cell-spec': CellSpec,
  report: z.object({ unproven, record: RunRecord, comparison: Comparison.optional() }),
  check: z.array(CheckResult),
  doctor: Doctor,
  series: SeriesOutput,
  'series-list': SeriesList,
  'source-list': z.array(ListedSource),
  source: ListedSource.omit({ ready: true, version: true }),
  'source-update': z.array(SourceUpdate),
  build: Build,
  'build-each': BuildEach,
  run: z.union([Comparison, RunRecord.extend({ unproven })]),
  'run-dry-run': RunDryRun,
  mutants: Mutants,
  'mutants-dry-run': z.object({ mutants: z.array(z.object({ name: z.string(), path: z.string() })) }),
  'suite-list': z.object({ suites: z.array(SuiteInfo) }),
  'suite-new': z.object({
    name: z.string(),
    dir: path('The folder that was created.'),
    files: z.array(z.string()).describe('Names of the files in it.'),
  }),
  'series-remove': z.object({
    removed: z.array(z.string()).describe('Names of the series that were removed.'),
  }),
  'guest-list': z.object({
    guests: z.array(
      z.object({
        name: z.string(),
        from: z.enum(['built-in', 'file']).describe('`file`: of the file that --guests-file names.'),
        summary: z.string(),
      }),
    ),
  }),
  guest: GuestProfile,
  'shell-dry-run': z.object({ command: Command }),
  'results-import': z.object({
    added: z.array(path('Folder of the run.')),
    replaced: z.array(z.string()).describe('Runs whose record had changed.'),
    unchanged: count,
    leftOut: z.array(z.string()).describe('Runs over mutants, whose failures are planted.'),
    unreadable: z.array(z.object({ folder: z.string(), problem: z.string() })),
  }),
  'results-list': z.object({ runs: z.array(HistoryRun).describe('Newest first.') }),
  'results-show': HistoryShow,
  'results-diff': HistoryDiff,
  'results-test': z.object({ tests: z.array(TestHistory) }),
  'results-metric': z.object({ metrics: z.array(MetricHistory) }),
  'results-flaky': z.object({ tests: z.array(FlakyTest) }),
  'results-note': z.object({ notes: z.array(TriageNote).describe('All notes, oldest first.') }),
} satisfies Record<string, z.ZodType>;

/** Name of a published schema: `reports/schema/NAME.schema.json`. */
export type OutputName = keyof typeof outputs;

/** The value that the schema `N` describes. */
export type Output<N extends OutputName> = z.infer<(typeof outputs)[N]>;
