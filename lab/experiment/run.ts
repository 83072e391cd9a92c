import { errorText, InputError, RinglabError } from '../core/errors.ts';
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
  const recorder = await Recorder.begin(plan, stack, options, ctx);
  try {
    await work(recorder);
  } catch (error) {
    if (error instanceof InputError && recorder.record.cells.length === 0) throw error;
    if (!ctx.signal.aborted) {
      const subject = error instanceof RinglabError ? 'run' : 'ringlab';
      recorder.ctx.emit({ type: 'lab.failure', subject, message: errorText(error) });
    }
    await recorder.write();
    ctx.signal.throwIfAborted();
    throw error;
  }
  const record = await recorder.write();
  ctx.signal.throwIfAborted();
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
