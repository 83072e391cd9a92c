import { nameOf } from '../cell/result.ts';
import { LabError, VerdictError } from '../core/errors.ts';
import { Resources } from '../core/resource.ts';
import type { CellSpec } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelBuild } from '../model/kernel.ts';
import type { Plan } from '../model/plan.ts';
import type { CellRecord, MutantRecord } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import { isFailure } from '../model/verdict.ts';
import { importSeries } from '../series/index.ts';
import { applySeries } from '../source/index.ts';
import { CellSlots } from './cells.ts';
import { kernelRecord, type PreparedKernel, prepareKernel, prepareKernels } from './kernels.ts';
import { breaks, isDown, killer } from './killed.ts';
import { allEnded, meanwhile } from './meanwhile.ts';
import { listMutants, type MutantFile, mutantsOf } from './mutant-files.ts';
import type { Recorder, RecordOptions } from './recorder.ts';
import { type Run, recorded, specsOf } from './run.ts';
import { cachedArtefacts, openSession, type Session, templatesOf } from './session.ts';
import { checkRun } from './validate.ts';

/** A run over mutants, with what became of each in the order of their names. */
export type MutantsRun = Run & { mutants: MutantRecord[] };

/** The healthy kernel, and the results that mutants are compared with. */
interface Baseline {
  kernel: PreparedKernel & { build: KernelBuild };
  cells: { spec: CellSpec; result: CellRecord }[];
}

/** Everything that a mutant's trial needs. */
interface Trial {
  plan: Plan;
  session: Session;
  baseline: Baseline;
  slots: CellSlots;
  ctx: StageContext;
}

/** Throws LabError when a cell proves nothing even without a mutant; notes the tests that fail and so cannot kill one. */
function checkHealthy(spec: CellSpec, result: CellRecord | undefined, ctx: StageContext): CellRecord {
  ctx.signal.throwIfAborted();
  if (!result || isDown(result) || !result.tests.some(({ verdict }) => verdict === 'pass')) {
    const why = `${result?.verdict ?? 'lost'}, ${result?.reason ?? 'no test passes'}`;
    throw new LabError(`${nameOf(spec)} is not healthy without a mutant: ${why}`);
  }
  for (const { name: test, verdict } of result.tests.filter((each) => isFailure(each.verdict))) {
    ctx.emit({ type: 'note', note: { code: 'mutants.excluded', subject: nameOf(spec), test, verdict } });
  }
  return result;
}

/** Builds the healthy kernel: the base of every mutant. Throws the verdict when it does not apply or build; the record has it too. */
async function healthyKernel(plan: Plan, stack: readonly Series[], ctx: StageContext) {
  const kernel = (await prepareKernels(plan, stack, () => {}, ctx)).at(-1);
  if (!kernel) throw new Error('no kernel was prepared');
  const { base: _base, ...healthy } = { ...kernel, side: 'base' as const };
  ctx.emit({ type: 'kernel.ready', kernel: kernelRecord(healthy) });
  const { build } = healthy;
  if (!build) throw healthy.failure ?? new Error('the kernel has neither a build nor a failure');
  return { ...healthy, build };
}

/** Runs the suites without any mutant: only a test that passes here can notice one. */
async function measureBaseline(
  plan: Plan,
  kernel: Baseline['kernel'],
  session: Session,
  slots: CellSlots,
  ctx: StageContext,
): Promise<Baseline> {
  const specs = specsOf(plan, [kernel], session);
  const cells = await allEnded(
    specs.map(async (spec) => ({ spec, result: checkHealthy(spec, await slots.run(spec), ctx) })),
  );
  return { kernel, cells };
}

/** Applies and builds a mutant; the next mutant must not be built meanwhile. */
async function plant({ name, path }: MutantFile, { plan, baseline, ctx }: Trial) {
  const series = await importSeries(path, { name }, ctx);
  const { kernel } = baseline;
  const id = `${kernel.id}+${name}`;
  const head = { id, name: id, side: 'patched' as const, base: kernel.id };
  const { tree, ownSeries } = kernel;
  if (!tree) throw new Error('the healthy kernel has no tree');
  const applied = await applySeries(tree, series, ctx).then(
    (result) => result.tree,
    (error) => {
      if (error instanceof VerdictError) return error;
      throw error;
    },
  );
  const planted = await prepareKernel(
    { ...head, ...(ownSeries ? { ownSeries } : {}) },
    applied,
    plan.config,
    ctx,
    kernel.build,
  );
  ctx.emit({ type: 'kernel.ready', kernel: kernelRecord(planted) });
  return { planted, fault: series.title };
}

/** Runs the suites on a mutant, up to the first test that it breaks: the others may each wait for their deadline. */
async function kill(
  planted: PreparedKernel,
  { plan, session, baseline, slots, ctx }: Trial,
): Promise<string | undefined> {
  const specs = specsOf(plan, [planted], session);
  for (const [index, spec] of specs.entries()) {
    const healthy = baseline.cells[index]?.result;
    if (!healthy) throw new Error('a mutant has more cells than the baseline');
    const result = await slots.run(spec, { stopAt: breaks(healthy) });
    ctx.signal.throwIfAborted();
    const killedBy = result && killer(healthy, result);
    if (killedBy) return killedBy;
  }
  return undefined;
}

function report(result: MutantRecord, ctx: StageContext): MutantRecord {
  const { name: mutant, ...outcome } = result;
  ctx.emit({ type: 'mutant.end', mutant, ...outcome });
  return result;
}

/** Builds the mutants one after the other; guests of one run while the next is built. */
async function tryMutants(mutants: readonly MutantFile[], trial: Trial): Promise<MutantRecord[]> {
  const { ctx } = trial;
  const running: Promise<MutantRecord>[] = [];
  try {
    for (const file of mutants) {
      // No more mutants in flight than guests: a build must not run ahead of what is tested by hours.
      if (running.length >= trial.plan.jobs) await running.at(-trial.plan.jobs);
      const { planted, fault } = await plant(file, trial);
      const { name } = file;
      const broken = planted.failure?.message;
      const result = kill(planted, trial).then((killedBy) =>
        report(
          {
            ...{ name, fault, killed: killedBy !== undefined },
            ...(killedBy === undefined ? {} : { killedBy }),
            ...(broken === undefined ? {} : { broken }),
          },
          ctx,
        ),
      );
      // Awaited with all others; until then a failure must not count as unhandled.
      result.catch(() => {});
      running.push(result);
    }
  } finally {
    await Promise.allSettled(running);
  }
  return Promise.all(running);
}

/**
 * Builds every mutant of a series incrementally and runs the plan's suites on it, up to the first test that fails though it
 * passes without the mutant. Uses the session, the job slots and the record of a run. Throws as `runPlan`, and LabError when the
 * suites prove nothing on the healthy kernel.
 */
export async function runMutants(
  plan: Plan,
  stack: readonly Series[],
  options: RecordOptions & { only: readonly string[] },
  ctx: StageContext,
): Promise<MutantsRun> {
  const files = await listMutants(mutantsOf(plan, stack), options.only);
  const payloads = await checkRun(plan, ctx);
  let mutants: MutantRecord[] = [];
  const work = async (recorder: Recorder) => {
    const { ctx: inner, dir } = recorder;
    await meanwhile(
      (own) => openSession(plan, own, payloads),
      async (prepared, own) => {
        const kernel = await healthyKernel({ ...plan, withBase: false }, stack, own);
        const session = await prepared;
        await recorder.keepFiles();
        const cells = plan.pairs.length * plan.repeats * (files.length + 1);
        await using resources = new Resources();
        const artefacts = cachedArtefacts(dir, templatesOf(plan, resources, inner));
        const slots = new CellSlots(plan, cells, artefacts, inner);
        const baseline = await measureBaseline(plan, kernel, session, slots, inner);
        mutants = await tryMutants(files, { plan, session, baseline, slots, ctx: inner });
      },
      inner,
    );
  };
  return { ...(await recorded(plan, stack, { ...options, overMutants: true }, work, ctx)), mutants };
}
