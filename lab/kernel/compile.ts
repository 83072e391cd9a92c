import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { hashOf } from '../core/hash.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { finalConfig } from './config.ts';
import { failureOf } from './failure.ts';
import { make } from './make.ts';
import { ObjectFolder } from './objects.ts';
import { putPlain, readPlain } from './plain.ts';
import { estimateTargets, follow } from './progress.ts';
import type { ResolvedRequest } from './request.ts';
import { sandboxWorks } from './sandbox.ts';
import { type Toolchain, toolchain } from './toolchain.ts';
import { WorkTree } from './worktree.ts';

/** Where, in the object folder, `modules_install` puts modules. */
export const modulesFolder = 'ringlab-modules';

/** A state of a source with all that decides what its build makes. */
export interface Recipe {
  tree: SourceTree;
  config: string;
  tools: Toolchain;
  /** Build key: tree, finished config, compiler, linker, architecture. */
  key: string;
  /** Names the object folder. States share it although a series may add an option: make sees which ones changed. */
  objectsId: string;
}

/** Settles the config of a state and with it its build key. Errors: as `finalConfig`. */
export async function recipeOf(
  tree: SourceTree,
  request: ResolvedRequest,
  ctx: StageContext,
): Promise<Recipe> {
  const tools = await toolchain();
  const config = await finalConfig(tree, request, tools, ctx);
  const { compiler, linker, arch } = tools;
  const key = hashOf('kernel-1', tree.tree, config, compiler, linker, arch);
  const objectsId = hashOf(
    'objects-1',
    JSON.stringify(request.start),
    request.text,
    tools.id,
    String(tools.ccache),
  );
  return { tree, config, tools, key, objectsId };
}

export interface Compiled {
  objects: ObjectFolder;
  /** Warnings of the whole kernel, also of what this build did not have to compile. */
  warnings: string[];
  sandboxed: boolean;
}

/** Writes the config only when it differs: make compares time stamps. */
async function putConfig(objects: string, config: string): Promise<void> {
  const file = join(objects, '.config');
  const present = await readPlain(file).catch(() => undefined);
  if (present !== config) await putPlain(file, config);
}

/**
 * Checks the state out and makes the targets of each phase, one phase after the other, in the object folder of its source and config. Callers hold `lock(workDir)`.
 * Throws VerdictError `build-failed` when the kernel is at fault, LabError when the machine is, the abort reason when stopped;
 * what was made until then is kept and used by the next build.
 */
export async function compile(
  { tree, config, tools, key, objectsId }: Recipe,
  phases: string[][],
  ctx: StageContext,
  jobs = availableParallelism(),
): Promise<Compiled> {
  const work = new WorkTree(tree.workDir);
  await work.checkout(tree, ctx.signal);
  const objects = new ObjectFolder(tree.workDir, objectsId);
  await objects.begin(key);
  await rm(join(objects.path, modulesFolder), { force: true, recursive: true });
  await putConfig(objects.path, config);
  const roots = [work.path, objects.path];
  const { made, complete } = objects.progress;
  const expected = complete ? { done: 0 } : { done: made, expected: estimateTargets(config) };
  const onLine = follow(ctx, tree.name, roots, expected);
  const { logFile } = objects;
  const request = {
    tree: work.path,
    objects: objects.path,
    jobs,
    tools,
    signal: ctx.signal,
    logFile,
    onLine,
  };
  for (const targets of phases) {
    if ((await make({ ...request, targets })) === 0) continue;
    const failure = failureOf(tree.name, await readFile(logFile, 'utf8'), roots);
    await objects.end(false);
    throw failure;
  }
  await objects.end(true);
  return { objects, warnings: await objects.warnings(), sandboxed: await sandboxWorks() };
}
