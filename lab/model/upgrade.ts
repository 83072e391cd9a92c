import { z } from 'zod';
import { check } from './parse.ts';
import { Complaint, Metric, TestResult } from './result.ts';
import { BenchSettings, HostFacts, KernelRecord, type RunRecord } from './run.ts';
import { CellVerdict } from './verdict.ts';

/** What is read of a cell of format 1. Names were joined there; kernel, guest and suite stood beside them. */
const Cell1 = z.object({
  kernel: z.string(),
  guest: z.string(),
  suite: z.string(),
  side: z.enum(['base', 'patched']),
  verdict: CellVerdict,
  reason: z.string().optional(),
  detail: z.string().optional(),
  tests: z.array(TestResult),
  complaints: z.array(Complaint),
  metrics: z.array(Metric),
  timings: z.object({
    bootMs: z.number().optional(),
    firstTapMs: z.number().optional(),
    totalMs: z.number(),
  }),
  files: z.object({ tap: z.string().optional(), console: z.string().optional() }),
  qemu: z.object({ version: z.string(), accel: z.string(), commandLine: z.array(z.string()) }).optional(),
});

const Record1 = z.object({
  format: z.literal(1),
  id: z.string(),
  startedAt: z.string(),
  seconds: z.number(),
  ringlab: z.string(),
  series: z
    .object({ id: z.string(), name: z.string(), title: z.string(), patches: z.array(z.string()) })
    .optional(),
  kernels: z.array(KernelRecord.omit({ id: true, base: true, step: true })),
  image: z.object({ recipe: z.string(), key: z.string() }).optional(),
  agentHash: z.string().optional(),
  host: HostFacts,
  seed: z.number().int(),
  measuring: BenchSettings.extend({ boots: z.number().int() }).optional(),
  cells: z.array(Cell1),
  interrupted: z.boolean(),
});
type Record1 = z.infer<typeof Record1>;

/** How suites of format 1 worded a skip for want of a name of the kernel; `lacks` says it since. */
const LACKS =
  /^(?:the )?kernel(?:'s struct (\S+))? (?:has no|lacks|does not (?:have|know|support)) (?:struct )?(.+)$/i;

function upgradeTest(test: TestResult): TestResult {
  const [, struct, name] = (test.verdict === 'skip' && LACKS.exec(test.reason ?? '')) || [];
  return name === undefined ? test : { ...test, lacks: struct ? `${struct}.${name}` : name };
}

function upgradeCell(cell: z.infer<typeof Cell1>): RunRecord['cells'][number] {
  const { kernel, guest, suite, side: _side, files: _files, timings, qemu, ...results } = cell;
  const { verdict, reason } = results;
  // Sizes and hashes of the files were not kept, so none is claimed.
  const attempt = {
    ...{ repeat: 1, attempt: 1, verdict, timings, artefacts: [] },
    ...(reason === undefined ? {} : { reason }),
    ...(qemu ? { qemu } : {}),
  };
  return {
    ...{ kernel, profile: guest, suite, ...results },
    tests: cell.tests.map(upgradeTest),
    attempts: [attempt],
  };
}

/** The base of each patched kernel: format 1 named a patched kernel after its base, or had one base for all. */
function upgradeKernels(kernels: Record1['kernels']): RunRecord['kernels'] {
  const bases = kernels.filter(({ side }) => side === 'base').map(({ name }) => name);
  const baseOf = (name: string) =>
    bases.length === 1
      ? bases[0]
      : bases.filter((base) => name.startsWith(`${base}+`)).sort((a, b) => b.length - a.length)[0];
  return kernels.map((kernel) => {
    const base = kernel.side === 'patched' ? baseOf(kernel.name) : undefined;
    return { id: kernel.name, ...kernel, ...(base === undefined ? {} : { base }) };
  });
}

function upgradeRecord(record: Record1): RunRecord {
  const { format: _format, agentHash: _agent, measuring, kernels, cells, ...rest } = record;
  const unique = (ids: string[]) => [...new Set(ids)].map((id) => ({ id }));
  const { boots: repeats, ...bench } = measuring ?? { boots: 1, clock: 'instructions' as const };
  return {
    format: 2,
    ...rest,
    kernels: upgradeKernels(kernels),
    profiles: unique(cells.map(({ guest }) => guest)),
    suites: unique(cells.map(({ suite }) => suite)),
    ...(measuring ? { bench: { ...bench, repeats } } : {}),
    cells: cells.map(upgradeCell),
    spans: [],
    failures: [],
  };
}

/**
 * A record of any earlier format as one of the current format; other values are returned unchanged. Throws InputError, with
 * `where` as the place, for a record of format 1 that does not fit its format.
 */
export function upgrade(value: unknown, where: string): unknown {
  const isFormat1 = typeof value === 'object' && value !== null && 'format' in value && value.format === 1;
  return isFormat1 ? upgradeRecord(check(Record1, value, where)) : value;
}
