import { VerdictError } from '../core/errors.ts';
import { buildKernel } from '../kernel/index.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelBuild, SourceTree } from '../model/kernel.ts';
import type { Plan, Side } from '../model/plan.ts';
import type { KernelRecord } from '../model/result.ts';
import type { Series } from '../model/series.ts';
import { applySeries, resolveSource } from '../source/index.ts';

/** One kernel of a run: built, or with the verdict that says why not. */
export interface PreparedKernel {
  side: Side;
  name: string;
  build?: KernelBuild;
  failure?: VerdictError;
}

/** Applies a series and all that it needs, in order; `steps` has one state for each patch. */
export async function applyStack(base: SourceTree, stack: readonly Series[], ctx: StageContext) {
  let tree = base;
  const steps: SourceTree[] = [];
  for (const series of stack) {
    const applied = await applySeries(tree, series, ctx);
    tree = applied.tree;
    steps.push(...applied.steps);
  }
  return { tree, steps };
}

async function prepare(side: Side, name: string, make: () => Promise<KernelBuild>): Promise<PreparedKernel> {
  try {
    return { side, name, build: await make() };
  } catch (failure) {
    // The kernel's own fault is a verdict of its cells; anything else ends the run.
    if (!(failure instanceof VerdictError)) throw failure;
    return { side, name, failure };
  }
}

async function tryApply(source: SourceTree, stack: readonly Series[], ctx: StageContext) {
  try {
    return (await applyStack(source, stack, ctx)).tree;
  } catch (error) {
    if (error instanceof VerdictError) return error;
    throw error;
  }
}

/** The side of a kernel to which no series is applied: without any series, the first kernel is the base of all others. */
export function sideWithout(series: Series | undefined, index: number): Side {
  return series || index === 0 ? 'base' : 'patched';
}

/**
 * Source, series and builds of one kernel of a plan. The series is applied first, since that takes a second and can fail; the base is
 * built before the patched kernel, which is made incrementally in its object directory. Gives the kernels to run, base first.
 */
async function prepareOne(
  plan: Plan,
  index: number,
  stack: readonly Series[],
  ctx: StageContext,
): Promise<PreparedKernel[]> {
  const source = await resolveSource(plan.sources[index] ?? {}, ctx);
  const applied = stack.length > 0 ? await tryApply(source, stack, ctx) : undefined;
  const side = sideWithout(stack.at(-1), index);
  const base = await prepare(side, source.name, () => buildKernel(source, plan.config, ctx));
  if (!applied) return [base];
  const name = `${source.name}+${stack.at(-1)?.name}`;
  const patched = await prepare('patched', name, async () => {
    if (applied instanceof VerdictError) throw applied;
    return buildKernel({ ...applied, name }, plan.config, ctx, { base: base.build });
  });
  return plan.withBase ? [base, patched] : [patched];
}

/** All kernels of a plan, in the order of its sources. One after the other: a build takes every core by itself. */
export async function prepareKernels(
  plan: Plan,
  stack: readonly Series[],
  ctx: StageContext,
): Promise<PreparedKernel[]> {
  const kernels: PreparedKernel[] = [];
  for (const index of plan.sources.keys()) kernels.push(...(await prepareOne(plan, index, stack, ctx)));
  return kernels;
}

export function kernelRecord({ side, name, build, failure }: PreparedKernel): KernelRecord {
  return {
    name,
    side,
    key: build?.key,
    release: build?.release,
    tree: build?.tree,
    configHash: build?.configHash,
    compiler: build?.compiler,
    warnings: build?.warnings ?? [],
    newWarnings: build?.newWarnings ?? [],
    buildSeconds: build?.seconds,
    cached: build?.cached,
    sandboxed: build?.sandboxed,
    failure: failure && { verdict: failure.verdict, message: failure.message, detail: failure.detail },
  };
}
