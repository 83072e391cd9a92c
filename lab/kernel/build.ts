import type { StageContext } from '../model/event.ts';
import type { KernelBuild, KernelConfigRequest, SourceTree } from '../model/kernel.ts';
import { buildIntoStore } from './fill.ts';
import { resolveRequest } from './request.ts';
import { specOf } from './spec.ts';
import { readBuild } from './store.ts';
import type { BuildOptions } from './types.ts';
import { newWarnings } from './warnings.ts';

/**
 * The kernel of a source tree: from the store, or built into it. Builds are incremental. Those of a source share
 * an object folder for each config; a tree with patches is built in a private view of it, so that it cannot change other kernels. Throws InputError (unknown fragment, option that did not take), VerdictError `build-failed`,
 * LabError, or the abort reason; after an abort the next call continues the interrupted build.
 */
export async function buildKernel(
  tree: SourceTree,
  request: KernelConfigRequest,
  ctx: StageContext,
  { jobs, base, bootImage }: BuildOptions = {},
): Promise<KernelBuild> {
  const spec = await specOf(tree, await resolveRequest(request), ctx, bootImage);
  const build = (await readBuild(spec.key, tree, ctx)) ?? (await buildIntoStore(spec, ctx, jobs));
  return base ? { ...build, newWarnings: newWarnings(build.warnings, base.warnings) } : build;
}
