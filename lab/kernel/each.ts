import { VerdictError } from '../core/errors.ts';
import { lock } from '../core/lock.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelConfigRequest, SourceTree } from '../model/kernel.ts';
import { compile } from './compile.ts';
import { openView } from './fill.ts';
import type { PrivateView } from './private.ts';
import { type ResolvedRequest, resolveRequest } from './request.ts';
import { type BuildSpec, specOf } from './spec.ts';
import { readBuild } from './store.ts';
import type { BuildOptions, StepBuild } from './types.ts';
import { newWarnings } from './warnings.ts';
import { WorkTree } from './worktree.ts';

/** The view in which the patches of one series are built, one after the other: they trust each other. */
class SeriesView implements AsyncDisposable {
  #view: PrivateView | undefined;
  #epoch: string | undefined;

  /** Builds vmlinux of a tree; returns the warnings. Callers hold the lock of the source. */
  async compile(spec: BuildSpec, ctx: StageContext, jobs?: number): Promise<string[]> {
    const work = new WorkTree(spec.tree.workDir);
    // Another process may have given the tree's files older time stamps meanwhile.
    if (this.#view && this.#epoch !== (await work.epoch())) await this[Symbol.asyncDispose]();
    const isNew = this.#view === undefined;
    this.#view ??= await openView(spec, ctx, jobs);
    const view = this.#view && { folder: this.#view, isNew };
    try {
      return (await compile(spec, { phases: [['vmlinux']], whole: false, jobs, view }, ctx)).warnings;
    } catch (error) {
      // What fills the disk must not be in the way of the next patch.
      if (error instanceof VerdictError && (await this.#view?.disk.excess()))
        await this[Symbol.asyncDispose]();
      throw error;
    } finally {
      this.#epoch = await work.epoch();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#view?.[Symbol.asyncDispose]();
    this.#view = undefined;
  }
}

/** Warnings of a tree, from the store or by building vmlinux. */
async function warningsOf(
  tree: SourceTree,
  request: ResolvedRequest,
  views: SeriesView,
  ctx: StageContext,
  jobs?: number,
): Promise<string[]> {
  const spec = await specOf(tree, request, ctx);
  const stored = await readBuild(spec.key, tree, ctx);
  if (stored) return stored.warnings;
  await using _held = await lock(spec.tree.workDir, ctx.signal);
  return await views.compile(spec, ctx, jobs);
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
  await using views = new SeriesView();
  const results: StepBuild[] = [];
  let previous = base?.warnings;
  for (const step of steps) {
    const began = performance.now();
    const { name, commit } = step;
    const seconds = () => Math.round((performance.now() - began) / 100) / 10;
    try {
      const warnings = await warningsOf(step, resolved, views, ctx, jobs);
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
