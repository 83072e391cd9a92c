import { z } from 'zod';
import { type Format, formats } from '../../reports/index.ts';
import { Comparison } from '../model/compare.ts';
import type { LabEvent } from '../model/event.ts';
import { check } from '../model/parse.ts';
import { Series } from '../model/series.ts';
import { PackageNames } from '../model/suite.ts';
import type {
  AllowOptions,
  BenchOptions,
  BuildOptions,
  CompareOptions,
  ImportOptions,
  KernelOptions,
  MatrixOptions,
  MutantsOptions,
  ReadOptions,
  RecordOptions,
  ReportOptions,
  RunCellOptions,
  RunOptions,
  SourceOptions,
  WorkOptions,
} from './options.ts';

/** A schema for every option of T: an option without one does not compile. */
type Shape<T> = { [K in keyof Required<T>]: z.ZodType<T[K]> };

const text = z.string().min(1).optional();
const texts = z.array(z.string().min(1)).optional();
const flag = z.boolean().optional();
const whole = (min: number) => z.number().int().min(min).optional();

const work: Shape<WorkOptions> = {
  unsafeNoSandbox: flag,
  signal: z.instanceof(AbortSignal).optional(),
  onEvent: z
    .custom<(event: LabEvent) => void>((value) => typeof value === 'function', 'expected a function')
    .optional(),
};

const kernel = {
  kernels: texts,
  ...{ tree: text, base: text, config: text, fragments: texts, debug: flag },
  series: z.union([z.string().min(1), Series]).optional(),
} satisfies Shape<KernelOptions>;
const { kernels: _kernels, ...singleKernel } = kernel;

const recording: Shape<RecordOptions> = {
  out: text,
  runsDir: text,
  store: z.union([text, z.literal(false)]).optional(),
  eventsFile: text,
};

const matrix: Shape<MatrixOptions> = {
  ...work,
  ...kernel,
  ...recording,
  ...{ guests: texts, suites: texts, suiteSources: texts, only: texts, kernelArgs: texts, qemuArgs: texts },
  ...{ jobs: whole(1), seed: whole(0), guestsFile: text, knownFile: text },
  ...{ vcpus: whole(1), memoryMiB: whole(256), diskMiB: whole(1) },
  bootTimeoutSeconds: z.number().positive().optional(),
  accel: z.enum(['kvm', 'tcg']).optional(),
  ...{ recipe: text, packages: PackageNames.optional() },
};

const allow: Shape<AllowOptions> = { allowSkips: flag, allowGone: flag };

const run: Shape<RunOptions> = {
  ...matrix,
  ...allow,
  patchedOnly: flag,
  repeats: whole(1),
  restarts: whole(0),
  isolate: flag,
  fork: flag,
  confirm: whole(0),
  flaky: z.enum(['fail', 'warn']).optional(),
};

const reading: Shape<ReadOptions> = { runsDir: text };

const shapes = {
  importSeries: {
    ...work,
    ...{ name: text, version: whole(1), repo: text, needs: text, strict: flag, save: flag },
  } satisfies Shape<ImportOptions>,
  work,
  source: {
    ...work,
    ...{ tarball: text, sha256: text, package: text, suite: text, tree: text, base: text, summary: text },
  } satisfies Shape<SourceOptions>,
  build: { ...work, ...singleKernel, kernel: text } satisfies Shape<BuildOptions>,
  run,
  bench: {
    ...run,
    ...{ clock: z.enum(['instructions', 'time']).optional(), turns: whole(1), warmUp: whole(0) },
  } satisfies Shape<BenchOptions>,
  mutants: { ...matrix, mutants: texts } satisfies Shape<MutantsOptions>,
  runCell: { ...work, ...recording, ...allow } satisfies Shape<RunCellOptions>,
  read: reading,
  compare: { ...reading, ...allow } satisfies Shape<CompareOptions>,
  report: {
    ...reading,
    format: z.enum(formats as [Format, ...Format[]]).optional(),
    comparison: Comparison.optional(),
    url: z.url({ protocol: /^https?$/ }).optional(),
    sender: text,
    origin: z
      .string()
      .regex(/^[a-z0-9_]+$/)
      .optional(),
  } satisfies Shape<ReportOptions>,
};

/**
 * The options of a function of the interface, checked. Throws one InputError with every option that is wrong or unknown; `where` names
 * the call, as in `run(options)`.
 */
export function checkOptions<T>(kind: keyof typeof shapes, options: T, where: string): T {
  check<unknown>(z.strictObject(shapes[kind]), options, where);
  return options;
}
