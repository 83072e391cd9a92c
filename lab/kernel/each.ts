import { lock } from '../core/cache.ts';
import { VerdictError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelConfigRequest, SourceTree } from '../model/kernel.ts';
import { compile } from './compile.ts';
import { type ResolvedRequest, resolveRequest } from './request.ts';
import { specOf } from './spec.ts';
import { readBuild } from './store.ts';
import type { BuildOptions, StepBuild } from './types.ts';
import { newWarnings } from './warnings.ts';

/** Warnings of a tree, from the store or by building vmlinux. */
async function warningsOf(
  tree: SourceTree,
  request: ResolvedRequest,
  ctx: StageContext,
  jobs?: number,
): Promise<string[]> {
  const spec = await specOf(tree, request, ctx);
  const stored = await readBuild(spec.key, tree);
  if (stored) return stored.warnings;
  await using _held = await lock(tree.workDir, ctx.signal);
  return (await compile(spec, [['vmlinux']], ctx, jobs)).warnings;
}

/**
 * Builds after each patch of a series, in order; `steps` are the trees of `applySeries`. A tree that does not build is reported and
 * the next one is built. Nothing is stored. Throws InputError, LabError or the abort reason.
 */
export async function buildEach(
  steps: readonly SourceTree[],
  request: KernelConfigRequest,
  ctx: StageContext,
  { jobs, base }: BuildOptions = {},
): Promise<StepBuild[]> {
  const resolved = await resolveRequest(request);
  const results: StepBuild[] = [];
  let previous = base?.warnings;
  for (const step of steps) {
    const began = performance.now();
    const { name, commit } = step;
    const seconds = () => Math.round((performance.now() - began) / 100) / 10;
    try {
      const warnings = await warningsOf(step, resolved, ctx, jobs);
      const added = previous ? newWarnings(warnings, previous) : [];
      previous = warnings;
      results.push({ name, commit, ok: true, warnings, newWarnings: added, seconds: seconds() });
    } catch (error) {
      if (!(error instanceof VerdictError)) throw error;
      const { message, detail } = error;
      const none = { warnings: [], newWarnings: [] };
      results.push({ name, commit, ok: false, ...none, seconds: seconds(), error: { message, detail } });
    }
  }
  return results;
}
