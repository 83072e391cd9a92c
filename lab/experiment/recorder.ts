import { mkdir } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { protections } from '../core/sandbox.ts';
import type { EventBody, StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import type { HostFacts, PlanRecord, RunRecord } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import { newRunDir } from '../record/find.ts';
import { RecordFold } from '../record/fold.ts';
import { writeRecord } from '../record/record.ts';

/** Where a run's record goes, and which program makes it. */
export interface RecordOptions {
  runsDir: string;
  /** Folder of the record; absent: a new one in `runsDir`. */
  out?: string | undefined;
  /** Version of ringlab. */
  version: string;
}

function hostFacts(): HostFacts {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
  };
}

function planRecord(plan: Plan): PlanRecord {
  const { sources, withBase, config, repeats, only, kernelArgs, qemuArgs, bootTimeoutMs, jobs } = plan;
  return {
    ...{ sources, withBase, config, repeats, only, kernelArgs, qemuArgs, bootTimeoutMs, jobs },
    ...(plan.series === undefined ? {} : { series: plan.series }),
    ...(plan.accel === undefined ? {} : { accel: plan.accel }),
    ...(plan.bench === undefined ? {} : { bench: plan.bench }),
    pairs: plan.pairs.map(({ profile, suite }) => ({ profile: profile.name, suite: suite.name })),
  };
}

/** The record of a run before any work. */
function headOf(
  id: string,
  plan: Plan,
  series: Series | undefined,
  version: string,
  sandbox: RunRecord['sandbox'],
): RunRecord {
  const profiles = new Map(plan.pairs.map(({ profile }) => [profile.name, profile]));
  const suites = new Map(plan.pairs.map(({ suite }) => [suite.name, suite]));
  return {
    ...{ format: 2, id, startedAt: new Date().toISOString(), seconds: 0, ringlab: version },
    ...{ host: hostFacts(), sandbox },
    plan: planRecord(plan),
    ...(series
      ? {
          series: {
            ...{ id: series.id, name: series.name, title: series.title },
            patches: series.patches.map((patch) => patch.subject),
          },
        }
      : {}),
    kernels: [],
    profiles: [...profiles].map(([name, profile]) => ({ id: name, profile })),
    suites: [...suites].map(([name, { summary }]) => ({ id: name, summary })),
    seed: plan.seed,
    ...(plan.bench ? { bench: { ...plan.bench, repeats: plan.repeats } } : {}),
    ...{ cells: [], spans: [], failures: [], interrupted: false },
  };
}

/** A run that is being recorded: its events make its record. */
export class Recorder {
  readonly dir: string;
  /** For all that the run does: its events are recorded and handed on. */
  readonly ctx: StageContext;
  readonly #fold = new RecordFold();
  readonly #started = performance.now();

  private constructor(dir: string, outer: StageContext) {
    this.dir = dir;
    const emit = (body: EventBody & { at?: number }) => {
      const event = { ...body, at: body.at ?? Date.now() };
      this.#fold.take(event);
      outer.emit(event);
    };
    this.ctx = { ...outer, emit };
  }

  /** Begins a record in memory; nothing is on disk before `keepFiles`. Throws InputError when `out` holds a run already. */
  static async begin(
    plan: Plan,
    stack: readonly Series[],
    options: RecordOptions,
    ctx: StageContext,
  ): Promise<Recorder> {
    const series = stack.at(-1);
    const { id, dir } = await newRunDir(options.runsDir, options.out, series?.name ?? 'base');
    const recorder = new Recorder(dir, ctx);
    const sandbox = { required: !ctx.unsafeNoSandbox, protections: await protections(ctx) };
    recorder.ctx.emit({ type: 'run.start', record: headOf(id, plan, series, options.version, sandbox), dir });
    return recorder;
  }

  /** Creates the record's folder: from here on the run leaves a record, however it ends. */
  async keepFiles(): Promise<void> {
    await mkdir(this.dir, { recursive: true });
  }

  get record(): RunRecord {
    const { record } = this.#fold;
    if (!record) throw new Error('the record was read before its first event');
    return record;
  }

  /** Ends the record and writes it. */
  async write(): Promise<RunRecord> {
    const seconds = Math.round((performance.now() - this.#started) / 100) / 10;
    this.ctx.emit({ type: 'run.end', seconds, interrupted: this.ctx.signal.aborted });
    await this.keepFiles();
    await writeRecord(this.dir, this.record);
    this.ctx.emit({ type: 'record.written', dir: this.dir });
    return this.record;
  }
}
