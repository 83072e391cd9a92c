import { errorText, InputError, LabError, RinglabError, VerdictError } from '../core/errors.ts';
import { Resources } from '../core/resource.ts';
import { asReported } from '../core/storage.ts';
import type { CellSpec } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import type { RunRecord } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import { cellSpecs, plannedCells } from '../plan/cells.ts';
import { shardSpecs } from '../plan/shards.ts';
import { sourceName } from '../source/index.ts';
import { CellSlots, reportFailedCells } from './cells.ts';
import { confirmRegressions, rerunContext } from './confirm.ts';
import { keepRun } from './keep.ts';
import {
  kernelRecord,
  kernelsToRun,
  type PreparedKernel,
  plannedKernels,
  prepareKernels,
} from './kernels.ts';
import { meanwhile } from './meanwhile.ts';
import { Recorder, type RecordOptions } from './recorder.ts';
import { cachedArtefacts, openSession, type Session, templatesOf } from './session.ts';
import { checkRun } from './validate.ts';

/** A run that has been recorded. */
export interface Run {
  record: RunRecord;
  /** Folder of the record. */
  dir: string;
}

/** The cells of the kernels that were built. */
export function specsOf(
  plan: Plan,
  kernels: readonly PreparedKernel[],
  { imageOf, accel, payloads, tests }: Session,
): CellSpec[] {
  const built = kernels.flatMap(({ id, side, build, ownSeries }) =>
    build ? [{ id, side, key: build.key, ownSeries }] : [],
  );
  return shardSpecs(cellSpecs(plan, built, { imageOf, accel: accel.kind, payloads }), plan.jobs, tests);
}

async function runMatrix(
  plan: Plan,
  stack: readonly Series[],
  kernels: readonly PreparedKernel[],
  prepared: Promise<Session>,
  recorder: Recorder,
): Promise<void> {
  const { ctx, dir } = recorder;
  for (const kernel of kernels) reportFailedCells(kernel, plan, ctx);
  const toRun = kernelsToRun(kernels, stack);
  if (toRun.length === 0) {
    ctx.emit({ type: 'cells.planned', cells: [] });
    return;
  }
  const specs = specsOf(plan, toRun, await prepared);
  // Not before: a suite that does not compile leaves nothing behind.
  await recorder.keepFiles();
  await using resources = new Resources();
  const templates = templatesOf(plan, resources, ctx);
  await new CellSlots(plan, specs.length, cachedArtefacts(dir, templates), ctx).runAll(specs);
  // What a benchmark measures is the boot, and its figures have a spread.
  if (plan.bench || ctx.signal.aborted) return;
  const again = rerunContext(ctx);
  const slots = new CellSlots({ ...plan, restarts: 0 }, 0, cachedArtefacts(dir, templates), again);
  await confirmRegressions(recorder.record, { plan, specs, slots, ctx });
}

/** Puts kernels and cells into the record before any work: however the run ends, none of them is missing. */
async function announce(plan: Plan, stack: readonly Series[], { ctx }: Recorder): Promise<void> {
  const names = await Promise.all(plan.sources.map((source) => sourceName(source, ctx.signal)));
  const kernels = plannedKernels(names, plan, stack);
  ctx.emit({ type: 'kernels.planned', kernels });
  ctx.emit({ type: 'cells.planned', cells: plannedCells(plan, kernels) });
}

/** What `work` threw, or the reason of the abort that ended it; undefined when it did what it should. */
async function failureOf(recorder: Recorder, work: (recorder: Recorder) => Promise<void>): Promise<unknown> {
  try {
    await work(recorder);
    recorder.ctx.signal.throwIfAborted();
    return undefined;
  } catch (error) {
    const { aborted, reason } = recorder.ctx.signal;
    const failure = asReported(aborted ? reason : error);
    if (!(failure instanceof InputError) || !recorder.anyCell) return failure;
    // The request was valid when the first guest started: what is wrong now became so meanwhile.
    return new LabError(failure.message, { cause: failure.cause });
  }
}

/**
 * Lets `work` make a run's record and writes it however the work ends, so that what was learnt before an interruption or a fault
 * of the lab is kept. Nothing is written when the user's input is at fault: no cell has begun then. Throws what `work` threw, and the
 * abort reason.
 */
export async function recorded(
  plan: Plan,
  stack: readonly Series[],
  options: RecordOptions,
  work: (recorder: Recorder) => Promise<void>,
  ctx: StageContext,
): Promise<Run> {
  using recorder = await Recorder.begin(plan, stack, options, ctx);
  const failure = await failureOf(recorder, work);
  if (failure instanceof InputError) {
    await recorder.withdraw();
    throw failure;
  }
  // A verdict is in the record as the failure of its kernel.
  const isVerdict = failure instanceof VerdictError;
  if (failure !== undefined && !isVerdict && (!ctx.signal.aborted || failure instanceof LabError)) {
    const subject = failure instanceof RinglabError ? 'run' : 'ringlab';
    recorder.ctx.emit({ type: 'lab.failure', subject, message: errorText(failure) });
  }
  // The first failure explains a second one: a record that cannot be written, say, on the disk that is full.
  const record = await recorder.write().catch((error) => {
    throw failure ?? error;
  });
  await keepRun(recorder.dir, stack.at(-1), options.store, ctx);
  ctx.signal.throwIfAborted();
  if (failure !== undefined) throw failure;
  return { record, dir: recorder.dir };
}

/**
 * A whole run: kernels, then the matrix of cells, then the record on disk. Throws InputError before anything is written when the
 * request is wrong, and the abort reason after the record was written.
 */
export async function runPlan(
  plan: Plan,
  stack: readonly Series[],
  options: RecordOptions,
  ctx: StageContext,
): Promise<Run> {
  const payloads = await checkRun(plan, ctx);
  const work = async (recorder: Recorder) => {
    await announce(plan, stack, recorder);
    await meanwhile(
      (own) => openSession(plan, own, payloads),
      async (session, own) => {
        const onKernel = (kernel: PreparedKernel) =>
          own.emit({ type: 'kernel.ready', kernel: kernelRecord(kernel) });
        const kernels = await prepareKernels(plan, stack, onKernel, own);
        await runMatrix(plan, stack, kernels, session, recorder);
      },
      recorder.ctx,
    );
  };
  return recorded(plan, stack, options, work, ctx);
}
