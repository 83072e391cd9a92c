import { join } from 'node:path';
import { lock } from '../core/cache.ts';
import { hashOf } from '../core/hash.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelBuild, KernelConfigRequest, SourceTree } from '../model/kernel.ts';
import { type Compiled, compile, modulesFolder, type Recipe, recipeOf } from './compile.ts';
import { haveHeaders, headersFolder, keepHeaders } from './headers.ts';
import { readPlain } from './plain.ts';
import { resolveRequest } from './request.ts';
import { readBuild, storeBuild } from './store.ts';
import type { BuildOptions } from './types.ts';

/** Is anything configured as a module? */
function hasModules(config: string): boolean {
  return /^CONFIG_\w+=m$/m.test(config);
}

/** The make targets of a stored kernel, in phases. */
function phasesOf(config: string, headersKnown: boolean): string[][] {
  const main = ['bzImage', ...(headersKnown ? [] : ['headers'])];
  if (!hasModules(config)) return [main];
  return [
    [...main, 'modules'],
    ['modules_install', `INSTALL_MOD_PATH=${modulesFolder}`, 'DEPMOD=true'],
  ];
}

/** Puts what was compiled into the store, with the headers of its state. */
async function keep(recipe: Recipe, done: Compiled, headers: string, seconds: number): Promise<KernelBuild> {
  const { tree, config, tools, key } = recipe;
  const { objects, warnings, sandboxed } = done;
  const release = (await readPlain(join(objects.path, 'include/config/kernel.release'))).trim();
  const modules = hasModules(config) ? { modules: join(objects.path, modulesFolder) } : {};
  const { arch, compiler, linker } = tools;
  const facts = {
    key,
    release,
    arch,
    compiler,
    linker,
    tree: tree.tree,
    configHash: hashOf(config),
    warnings,
    sandboxed,
  };
  const file = { format: 1 as const, ...facts, targets: objects.progress.made, seconds };
  return storeBuild(file, { objects: objects.path, logFile: objects.logFile, headers, ...modules }, tree);
}

/** Compiles and stores; callers hold the lock of the source. */
async function makeAndKeep(recipe: Recipe, ctx: StageContext, jobs?: number): Promise<KernelBuild> {
  const { tree, tools, config } = recipe;
  const began = performance.now();
  const headers = await headersFolder(tree, tools, ctx.signal);
  const done = await compile(recipe, phasesOf(config, await haveHeaders(headers)), ctx, jobs);
  await keepHeaders(headers, done.objects.path, ctx.signal);
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  return keep(recipe, done, headers, seconds);
}

async function make(recipe: Recipe, ctx: StageContext, jobs?: number): Promise<KernelBuild> {
  const { tree, key, tools } = recipe;
  const kernel = tree.name;
  const waiting = () => ctx.emit({ type: 'lock.wait', for: 'build', subject: kernel });
  await using _held = await lock(tree.workDir, ctx.signal, waiting);
  // Whoever held the lock may have built it.
  const stored = await readBuild(key, tree);
  if (stored) return stored;
  ctx.emit({ type: 'kernel.start', kernel, compiler: tools.compiler });
  try {
    const build = await makeAndKeep(recipe, ctx, jobs);
    ctx.emit({ type: 'kernel.end', kernel, outcome: 'built', seconds: build.seconds });
    return build;
  } catch (error) {
    ctx.emit({ type: 'kernel.end', kernel, outcome: ctx.signal.aborted ? 'stopped' : 'failed' });
    throw error;
  }
}

/** The warnings that `base` does not have. */
export function newWarnings(warnings: readonly string[], base: readonly string[]): string[] {
  const old = new Set(base);
  return warnings.filter((warning) => !old.has(warning));
}

/**
 * The kernel of a state of a source, from the store or built into it. Built incrementally in the object folder that all states of
 * this source and config share. Throws InputError (unknown fragment, option that did not take), VerdictError `build-failed`,
 * LabError, or the abort reason; after an abort the next call goes on where this one stopped.
 */
export async function buildKernel(
  tree: SourceTree,
  request: KernelConfigRequest,
  ctx: StageContext,
  { jobs, base }: BuildOptions = {},
): Promise<KernelBuild> {
  const recipe = await recipeOf(tree, await resolveRequest(request), ctx);
  const build = (await readBuild(recipe.key, tree)) ?? (await make(recipe, ctx, jobs));
  return base ? { ...build, newWarnings: newWarnings(build.warnings, base.warnings) } : build;
}
