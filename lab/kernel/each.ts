import { lock } from '../core/cache.ts';
import { VerdictError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelConfigRequest, SourceTree } from '../model/kernel.ts';
import { newWarnings } from './build.ts';
import { compile, recipeOf } from './compile.ts';
import { type ResolvedRequest, resolveRequest } from './request.ts';
import { readBuild } from './store.ts';
import type { BuildOptions, StepBuild } from './types.ts';

/** Warnings of one state, from the store or by building vmlinux. */
async function warningsOf(
  tree: SourceTree,
  request: ResolvedRequest,
  ctx: StageContext,
  jobs?: number,
): Promise<string[]> {
  const recipe = await recipeOf(tree, request, ctx);
  const stored = await readBuild(recipe.key, tree);
  if (stored) return stored.warnings;
  await using _held = await lock(tree.workDir, ctx.signal);
  return (await compile(recipe, [['vmlinux']], ctx, jobs)).warnings;
}

/**
 * Builds after each patch of a series, in order, and says of every step whether it builds and what it newly warns of. A step that does
 * not build does not stop the next ones. Nothing goes into the store. Throws InputError, LabError or the abort reason.
 */
export async function buildEach(
  steps: readonly SourceTree[],
  request: KernelConfigRequest,
  ctx: StageContext,
  { jobs, base }: BuildOptions = {},
): Promise<StepBuild[]> {
  const resolved = await resolveRequest(request);
  const results: StepBuild[] = [];
  let before = base?.warnings;
  for (const step of steps) {
    const began = performance.now();
    const { name, commit } = step;
    const seconds = () => Math.round((performance.now() - began) / 100) / 10;
    try {
      const warnings = await warningsOf(step, resolved, ctx, jobs);
      const fresh = before ? newWarnings(warnings, before) : [];
      before = warnings;
      results.push({ name, commit, ok: true, warnings, newWarnings: fresh, seconds: seconds() });
    } catch (error) {
      if (!(error instanceof VerdictError)) throw error;
      const { message, detail } = error;
      results.push({
        name,
        commit,
        ok: false,
        warnings: [],
        newWarnings: [],
        seconds: seconds(),
        error: { message, detail },
      });
    }
  }
  return results;
}
