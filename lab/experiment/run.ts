import { mkdir } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import limit from 'p-limit';
import { prepareAgent } from '../cell/agent.ts';
import { failedCell, runCell } from '../cell/run.ts';
import { LabError } from '../core/errors.ts';
import { probeAccel } from '../guest/index.ts';
import { ensureImage } from '../image/index.ts';
import type { StageContext } from '../model/event.ts';
import type { Cell, Plan } from '../model/plan.ts';
import type { CellResult, RunRecord } from '../model/result.ts';
import type { Series } from '../model/series.ts';
import { cellsOf } from '../plan/plan.ts';
import { newRunDir, writeRecord } from '../record/record.ts';
import { mergeBoots } from '../record/repeats.ts';
import { kernelRecord, type PreparedKernel, prepareKernels } from './kernels.ts';

export const RECIPE = 'minimal';

export interface Run {
  record: RunRecord;
  dir: string;
  /** What the lab itself got wrong, cell by cell; the record holds the rest. */
  labFailures: LabError[];
}

function hostFacts(): RunRecord['host'] {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
  };
}

function startRecord(id: string, plan: Plan, series: Series | undefined, version: string): RunRecord {
  return {
    format: 1,
    id,
    startedAt: new Date().toISOString(),
    seconds: 0,
    ringlab: version,
    series: series && {
      id: series.id,
      name: series.name,
      title: series.title,
      patches: series.patches.map((patch) => patch.subject),
    },
    kernels: [],
    host: hostFacts(),
    seed: plan.seed,
    measuring: plan.measuring && { ...plan.measuring, boots: plan.boots },
    cells: [],
    interrupted: false,
  };
}

/** What all guests need whatever their kernel. */
async function prepareTools(plan: Plan, ctx: StageContext) {
  const [image, agent, { accel, reason }] = await Promise.all([
    ensureImage(RECIPE, ctx),
    prepareAgent(plan.pairs.map(({ suite }) => suite)),
    plan.accel ? { accel: plan.accel, reason: 'asked for' } : probeAccel(ctx),
  ]);
  ctx.emit({ stage: 'run', subject: 'accel', kind: 'line', text: `${accel}: ${reason}` });
  return { image, agent, accel };
}

type Tools = Awaited<ReturnType<typeof prepareTools>>;

/** Starts `prepare` and gives what it made to `use`; it is ended with it. A failure is thrown where the result is awaited. */
async function meanwhile<T>(
  prepare: (ctx: StageContext) => Promise<T>,
  use: (made: Promise<T>) => Promise<void>,
  ctx: StageContext,
): Promise<void> {
  const stop = new AbortController();
  const made = prepare({ ...ctx, signal: AbortSignal.any([ctx.signal, stop.signal]) });
  const settled = made.then(
    () => {},
    () => {},
  );
  try {
    await use(made);
  } finally {
    stop.abort();
    await settled;
  }
}

/** Runs the cells, `jobs` at a time. A cell that the lab could not run is noted and the others go on. */
async function runCells(
  plan: Plan,
  kernels: PreparedKernel[],
  prepared: Promise<Tools>,
  run: Run,
  ctx: StageContext,
): Promise<void> {
  const cells = cellsOf(plan, kernels);
  if (!kernels.some((kernel) => kernel.build)) {
    for (const cell of cells) {
      const failure = kernels.find((kernel) => kernel.name === cell.kernel)?.failure;
      if (failure) run.record.cells.push(failedCell(cell, failure));
    }
    return;
  }
  const { image, agent, accel } = await prepared;
  run.record.image = { recipe: image.recipe, key: image.key };
  run.record.agentHash = agent.hash;
  const tools = { plan, image, agent, accel, recordDir: run.dir };
  const results = new Map<string, CellResult>();
  const slots = limit(plan.jobs);
  let done = 0;
  const work = cells.map((cell) =>
    slots(async () => {
      if (ctx.signal.aborted) return;
      const kernel = kernels.find(({ name }) => name === cell.kernel);
      if (kernel?.failure) results.set(cell.name, failedCell(cell, kernel.failure));
      else if (kernel?.build) results.set(cell.name, await runCell(cell, kernel.build, tools, ctx));
      done++;
      ctx.emit({ stage: 'run', subject: 'cells', kind: 'progress', done, total: cells.length });
    }).catch((error) => {
      if (ctx.signal.aborted) return;
      run.labFailures.push(error instanceof LabError ? error : new LabError(cell.name, { cause: error }));
    }),
  );
  await Promise.all(work);
  const boots = (first: Cell) =>
    cells.filter(
      ({ kernel, guest, suite }) => kernel === first.kernel && guest === first.guest && suite === first.suite,
    );
  run.record.cells = cells
    .filter(({ boot }) => boot === 1)
    .flatMap((first) => mergeBoots(boots(first).flatMap(({ name }) => results.get(name) ?? [])) ?? []);
}

/**
 * A whole run: kernels, then the matrix of cells, then the record on disk. The record is written however it ends, so that
 * what was learnt before an interruption or a lab fault is kept; an abort is thrown after that.
 */
export async function runPlan(
  plan: Plan,
  stack: readonly Series[],
  options: { runsDir: string; out?: string; version: string },
  ctx: StageContext,
): Promise<Run> {
  const started = performance.now();
  const series = stack.at(-1);
  const { id, dir } = await newRunDir(options.runsDir, options.out, series?.name ?? 'base');
  await mkdir(dir, { recursive: true });
  const run: Run = { record: startRecord(id, plan, series, options.version), dir, labFailures: [] };
  try {
    await meanwhile(
      (own) => prepareTools(plan, own),
      async (tools) => {
        const kernels = await prepareKernels(plan, stack, ctx);
        run.record.kernels = kernels.map(kernelRecord);
        await runCells(plan, kernels, tools, run, ctx);
      },
      ctx,
    );
  } finally {
    run.record.seconds = Math.round((performance.now() - started) / 100) / 10;
    run.record.interrupted = ctx.signal.aborted;
    await writeRecord(dir, run.record);
    ctx.emit({ stage: 'run', subject: 'record', kind: 'note', text: join(dir, 'run.json') });
  }
  ctx.signal.throwIfAborted();
  return run;
}
