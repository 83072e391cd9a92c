import { type BuildOptions, buildEach, buildKernel, type StepBuild } from '../kernel/index.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelBuild, KernelConfigRequest, SourceTree } from '../model/kernel.ts';
import { baseOf } from '../series/index.ts';
import { resolveSource } from '../source/index.ts';
import { applyStack, patchedName } from './kernels.ts';
import { configOf, type KernelRequest, singleSourceOf, stackOf } from './request.ts';

/** What a build starts from. */
interface BuildInput {
  source: SourceTree;
  /** The source with the series; absent without one. */
  patched?: SourceTree;
  /** The source after each patch of the series and of those that it needs. */
  steps: SourceTree[];
  config: KernelConfigRequest;
}

/** Resolves the source and applies the series. Throws InputError, and VerdictError `apply-failed`. */
async function prepare(request: KernelRequest, ctx: StageContext): Promise<BuildInput> {
  const loaded = await stackOf(request, ctx);
  const source = await resolveSource(singleSourceOf(request, baseOf(loaded)), ctx);
  const config = configOf(request);
  if (loaded.length === 0) return { source, steps: [], config };
  const stack = loaded.map(({ series }) => series);
  const { tree, steps } = await applyStack(source, stack, ctx);
  return { source, patched: { ...tree, name: patchedName(source.name, stack) }, steps, config };
}

/**
 * Builds one kernel: the source, or the source with a series. With a series the source is built too, since the patched kernel is
 * built on top of its objects; `bootImage` makes the compressed image of the result. Throws InputError for a wrong request, VerdictError when the series does not apply or
 * the kernel does not build.
 */
export async function buildRequested(
  request: KernelRequest,
  ctx: StageContext,
  { bootImage }: Pick<BuildOptions, 'bootImage'> = {},
): Promise<KernelBuild> {
  const { source, patched, config } = await prepare(request, ctx);
  const base = await buildKernel(source, config, ctx, patched ? {} : { bootImage });
  return patched ? buildKernel(patched, config, ctx, { base, bootImage }) : base;
}

/** Builds the source and then the kernel after each patch of the series; see `buildEach`. Throws as `buildRequested`. */
export async function buildSteps(request: KernelRequest, ctx: StageContext): Promise<StepBuild[]> {
  const { source, steps, config } = await prepare(request, ctx);
  return buildEach([source, ...steps], config, ctx);
}
