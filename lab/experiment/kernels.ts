import { VerdictError } from '../core/errors.ts';
import { buildKernel } from '../kernel/index.ts';
import type { Side } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelBuild, SourceTree } from '../model/kernel.ts';
import type { Plan, SourceRequest } from '../model/plan.ts';
import type { KernelRecord } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import { applySeries, resolveSource, withRepair } from '../source/index.ts';

/** A kernel of an experiment: built, or with the verdict that says why not. */
export interface PreparedKernel {
  /** Unique in its experiment. */
  id: string;
  side: Side;
  name: string;
  /** Id of the kernel that this kernel was made from or is compared with. */
  base?: string;
  /** Absent where the series does not apply. */
  tree?: SourceTree;
  build?: KernelBuild;
  failure?: VerdictError;
}

/** Applies a series and all that it needs, in order; `steps` has one state for each patch. Throws VerdictError `apply-failed`. */
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

/** A result, or the verdict that stands for it: the kernel's fault is a verdict of its cells, anything else ends the run. */
async function orVerdict<T>(make: () => Promise<T>): Promise<T | VerdictError> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof VerdictError) return error;
    throw error;
  }
}

/** Builds a state, or keeps the verdict. */
export async function prepareKernel(
  kernel: Omit<PreparedKernel, 'build' | 'failure' | 'tree'>,
  tree: SourceTree | VerdictError,
  config: Plan['config'],
  ctx: StageContext,
  base?: KernelBuild,
): Promise<PreparedKernel> {
  if (tree instanceof VerdictError) return { ...kernel, failure: tree };
  const named = { ...tree, name: kernel.name };
  const build = await orVerdict(() => buildKernel(named, config, ctx, base ? { base } : {}));
  return build instanceof VerdictError
    ? { ...kernel, tree: named, failure: build }
    : { ...kernel, tree: named, build };
}

/** Names of a source's kernels: the base, and the base with the series. */
export const patchedName = (base: string, stack: readonly Series[]) =>
  [base, stack.at(-1)?.name].filter((part) => part !== undefined).join('+');

interface Resolved {
  source: SourceTree;
  /** With the series, where there is one. */
  patched?: SourceTree | VerdictError;
}

/** Resolves a source and applies the series: both take seconds and can fail, so they come before any build. */
async function resolve(
  request: SourceRequest,
  stack: readonly Series[],
  ctx: StageContext,
): Promise<Resolved> {
  // Objects of a series that was applied before may be damaged too: with the repository they are made again.
  return withRepair(async () => {
    const source = await resolveSource(request, ctx);
    if (stack.length === 0) return { source };
    return { source, patched: await orVerdict(async () => (await applyStack(source, stack, ctx)).tree) };
  }, ctx);
}

/**
 * Builds every kernel of a plan, in the order of its sources, base before patched: the patched kernel is built incrementally in
 * on top of the base's objects. One after the other, since a build takes every core. `onKernel` gets each kernel of the run as
 * soon as it is known. Without a series the first kernel is the base of all others.
 */
export async function prepareKernels(
  plan: Pick<Plan, 'sources' | 'config' | 'withBase'>,
  stack: readonly Series[],
  onKernel: (kernel: PreparedKernel) => void,
  ctx: StageContext,
): Promise<PreparedKernel[]> {
  const sources: Resolved[] = [];
  for (const request of plan.sources) sources.push(await resolve(request, stack, ctx));
  const first = sources[0]?.source.name;
  const kernels: PreparedKernel[] = [];
  const add = (kernel: PreparedKernel) => {
    kernels.push(kernel);
    onKernel(kernel);
  };
  for (const [index, { source, patched }] of sources.entries()) {
    const { name } = source;
    const isBase = stack.length > 0 || index === 0;
    const own = {
      id: name,
      name,
      ...(isBase ? { side: 'base' as const } : { side: 'patched' as const, base: first }),
    };
    const base = await prepareKernel(own as PreparedKernel, source, plan.config, ctx);
    if (!patched || plan.withBase) add(base);
    if (!patched) continue;
    const id = patchedName(name, stack);
    const head = { id, name: id, side: 'patched' as const, ...(plan.withBase ? { base: name } : {}) };
    add(await prepareKernel(head, patched, plan.config, ctx, base.build));
  }
  return kernels;
}

/** The kernel as run records keep it. */
export function kernelRecord({ id, name, side, base, build, failure }: PreparedKernel): KernelRecord {
  const facts = build && {
    key: build.key,
    release: build.release,
    tree: build.tree,
    configHash: build.configHash,
    compiler: build.compiler,
    buildSeconds: build.seconds,
    cached: build.cached,
    sandboxed: build.sandboxed,
    ...(build.protections ? { protections: build.protections } : {}),
  };
  return {
    ...{ id, name, side },
    ...(base === undefined ? {} : { base }),
    ...facts,
    warnings: build?.warnings ?? [],
    newWarnings: build?.newWarnings ?? [],
    ...(failure ? { failure: failureRecord(failure) } : {}),
  };
}

function failureRecord({ verdict, message, detail }: VerdictError): NonNullable<KernelRecord['failure']> {
  return { verdict: verdict === 'apply-failed' ? 'apply-failed' : 'build-failed', message, detail };
}
