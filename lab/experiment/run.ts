import { errorText, InputError, LabError, RinglabError } from '../core/errors.ts';
import { asReported } from '../core/storage.ts';
import type { CellSpec } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import type { RunRecord } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import { cellSpecs } from '../plan/cells.ts';
import { CellSlots, reportFailedCells } from './cells.ts';
import { kernelRecord, type PreparedKernel, prepareKernels } from './kernels.ts';
import { meanwhile } from './meanwhile.ts';
import { Recorder, type RecordOptions } from './recorder.ts';
import { cachedArtefacts, openSession, type Session } from './session.ts';
import { checkPlan } from './validate.ts';

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
  { image, accel, payloads }: Session,
): CellSpec[] {
  const built = kernels.flatMap(({ id, side, build }) => (build ? [{ id, side, key: build.key }] : []));
  return cellSpecs(plan, built, { image, accel: accel.kind, payloads });
}

async function runMatrix(
  plan: Plan,
  kernels: readonly PreparedKernel[],
  prepared: Promise<Session>,
  recorder: Recorder,
): Promise<void> {
  const { ctx, dir } = recorder;
  for (const kernel of kernels) reportFailedCells(kernel, plan, ctx);
  if (!kernels.some(({ build }) => build)) return;
  const specs = specsOf(plan, kernels, await prepared);
  // Not before: a suite that does not compile leaves nothing behind.
  await recorder.keepFiles();
  await new CellSlots(plan.jobs, specs.length, cachedArtefacts(dir), ctx).runAll(specs);
}

/** What `work` threw, or the reason of the abort that ended it; undefined when it did what it should. */
async function failureOf(recorder: Recorder, work: (recorder: Recorder) => Promise<void>): Promise<unknown> {
  try {
    await work(recorder);
    recorder.ctx.signal.throwIfAborted();
    return undefined;
  } catch (error) {
    const { aborted, reason } = recorder.ctx.signal;
    return asReported(aborted ? reason : error);
  }
}

/**
 * Lets `work` make a run's record and writes it however the work ends, so that what was learnt before an interruption or a fault
 * of the lab is kept. Nothing is written when the user's input is at fault. Throws what `work` threw, and the abort reason.
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
  if (failure instanceof InputError && recorder.record.cells.length === 0) {
    await recorder.withdraw();
    throw failure;
  }
  if (failure !== undefined && (!ctx.signal.aborted || failure instanceof LabError)) {
    const subject = failure instanceof RinglabError ? 'run' : 'ringlab';
    recorder.ctx.emit({ type: 'lab.failure', subject, message: errorText(failure) });
  }
  // The first failure explains a second one: a record that cannot be written, say, on the disk that is full.
  const record = await recorder.write().catch((error) => {
    throw failure ?? error;
  });
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
  await checkPlan(plan, ctx);
  const work = async (recorder: Recorder) => {
    const { ctx: inner } = recorder;
    await meanwhile(
      (own) => openSession(plan, own),
      async (session) => {
        const onKernel = (kernel: PreparedKernel) =>
          inner.emit({ type: 'kernel.ready', kernel: kernelRecord(kernel) });
        const kernels = await prepareKernels(plan, stack, onKernel, inner);
        await runMatrix(plan, kernels, session, recorder);
      },
      inner,
    );
  };
  return recorded(plan, stack, options, work, ctx);
}
