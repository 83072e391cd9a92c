import { VerdictError } from '../core/errors.ts';
import { buildKernel } from '../kernel/index.ts';
import type { Side } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelBuild, SourceTree } from '../model/kernel.ts';
import type { Plan, SourceRequest } from '../model/plan.ts';
import type { KernelRecord } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import { isOwnStack } from '../series/index.ts';
import { applySeries, resolveSource, withRepair } from '../source/index.ts';

/** A kernel of an experiment: built, or with the verdict that says why not. */
export interface PreparedKernel {
  /** Unique in its experiment. */
  id: string;
  side: Side;
  name: string;
  /** Its series are this project's (`isOwnStack`). */
  ownSeries?: true;
  /** Id of the kernel that this kernel was made from or is compared with. */
  base?: string;
  /** Absent where the series does not apply, and of a base that is not built for that reason. */
  tree?: SourceTree;
  build?: KernelBuild;
  failure?: VerdictError;
}

/** A kernel before it is made. */
type KernelHead = Omit<PreparedKernel, 'build' | 'failure' | 'tree'>;

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
  kernel: KernelHead,
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

/** The kernels of one source, without trees. Without a series the first source is the base of all others. */
function headsOf(
  name: string,
  first: string,
  plan: Pick<Plan, 'withBase'>,
  stack: readonly Series[],
): { own: KernelHead; patched?: KernelHead } {
  const own = { id: name, name };
  if (stack.length === 0) {
    return { own: name === first ? { ...own, side: 'base' } : { ...own, side: 'patched', base: first } };
  }
  const id = patchedName(name, stack);
  const base = plan.withBase ? { base: name } : {};
  return { own: { ...own, side: 'base' }, patched: { id, name: id, side: 'patched', ...base } };
}

/**
 * The kernels that `prepareKernels` will give, in its order, by the names of their sources (`sourceName`): known before anything is
 * unpacked or built.
 */
export function plannedKernels(
  names: readonly string[],
  plan: Pick<Plan, 'withBase'>,
  stack: readonly Series[],
): KernelHead[] {
  return names.flatMap((name) => {
    const { own, patched } = headsOf(name, names[0] ?? name, plan, stack);
    return [...(!patched || plan.withBase ? [own] : []), ...(patched ? [patched] : [])];
  });
}

/** Builds the kernels of one source, base first: the patched kernel is built incrementally on top of the base's objects. */
async function prepareSource(
  { source, patched: tree }: Resolved,
  { own, patched }: ReturnType<typeof headsOf>,
  plan: Pick<Plan, 'config' | 'withBase'>,
  onKernel: (kernel: PreparedKernel) => void,
  ctx: StageContext,
): Promise<PreparedKernel[]> {
  const ready = (kernel: PreparedKernel) => {
    onKernel(kernel);
    return kernel;
  };
  const withBase = !patched || plan.withBase;
  // A base is there to be compared with: without a patched kernel it need not even be built.
  if (patched && tree instanceof VerdictError)
    return [...(withBase ? [own] : []), { ...patched, failure: tree }];
  const base = await prepareKernel(own, source, plan.config, ctx);
  if (withBase) ready(base);
  if (!patched || !tree) return [base];
  const kernel = ready(await prepareKernel(patched, tree, plan.config, ctx, base.build));
  return withBase ? [base, kernel] : [kernel];
}

/**
 * Builds every kernel of a plan, in the order of its sources, one after the other, since a build takes every core. All series are applied
 * first, which takes seconds: `onKernel` gets a kernel to which they do not apply before any build, and each other kernel when it was
 * built or failed. A base whose series does not apply is in the result without a build.
 */
export async function prepareKernels(
  plan: Pick<Plan, 'sources' | 'config' | 'withBase'>,
  stack: readonly Series[],
  onKernel: (kernel: PreparedKernel) => void,
  ctx: StageContext,
): Promise<PreparedKernel[]> {
  const sources: Resolved[] = [];
  for (const request of plan.sources) {
    const resolved = await resolve(request, stack, ctx);
    sources.push(resolved);
    const { patched: head } = headsOf(resolved.source.name, sources[0]?.source.name ?? '', plan, stack);
    if (head && resolved.patched instanceof VerdictError) onKernel({ ...head, failure: resolved.patched });
  }
  const first = sources[0]?.source.name ?? '';
  const isOwn = await isOwnStack(stack, ctx);
  const kernels: PreparedKernel[] = [];
  for (const resolved of sources) {
    const heads = headsOf(resolved.source.name, first, plan, stack);
    if (heads.patched && isOwn) heads.patched.ownSeries = true;
    kernels.push(...(await prepareSource(resolved, heads, plan, onKernel, ctx)));
  }
  return kernels;
}

/**
 * The kernels whose cells are to run: those that were built, but not a base of a series none of whose patched kernels was built, since
 * there is nothing to compare with it. Without a series each kernel was asked for by its name.
 */
export function kernelsToRun(kernels: readonly PreparedKernel[], stack: readonly Series[]): PreparedKernel[] {
  const isCompared = ({ id, side }: PreparedKernel) =>
    side === 'patched' || stack.length === 0 || kernels.some(({ base, build }) => base === id && build);
  return kernels.filter((kernel) => kernel.build && isCompared(kernel));
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
