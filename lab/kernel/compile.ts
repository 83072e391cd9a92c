import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { hashOf } from '../core/hash.ts';
import { sandboxWorks } from '../core/sandbox.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { finalConfig } from './config.ts';
import { failureOf } from './failure.ts';
import { make } from './make.ts';
import { ObjectFolder } from './objects.ts';
import { estimateTargets, progressReporter } from './progress.ts';
import { readRegularFile, replaceFile } from './regular-file.ts';
import type { ResolvedRequest } from './request.ts';
import { type Toolchain, toolchain } from './toolchain.ts';
import { WorkTree } from './worktree.ts';

/** Folder of `modules_install`, relative to the object folder. */
export const MODULES_FOLDER = 'ringlab-modules';

/** A source tree with everything that decides the result of its build. */
export interface BuildSpec {
  tree: SourceTree;
  /** The finished `.config`. */
  config: string;
  tools: Toolchain;
  /** Build key: tree, finished config, compiler, linker, architecture. */
  key: string;
  /** Names the object folder. Base and patched trees share it even if a series adds an option: make sees what changed. */
  objectsId: string;
}

/** Determines the config of a tree and with it the build key. Throws as `finalConfig`. */
export async function specOf(
  tree: SourceTree,
  request: ResolvedRequest,
  ctx: StageContext,
): Promise<BuildSpec> {
  const tools = await toolchain();
  const config = await finalConfig(tree, request, tools, ctx);
  const { compiler, linker, arch } = tools;
  const key = hashOf('kernel-1', tree.tree, config, compiler, linker, arch.name);
  const start = JSON.stringify(request.start);
  const objectsId = hashOf('objects-1', start, request.text, tools.id, String(tools.ccache));
  return { tree, config, tools, key, objectsId };
}

/** A finished build in its object folder. */
export interface Compiled {
  objects: ObjectFolder;
  /** Warnings of the whole kernel, including those of objects that this build did not compile. */
  warnings: string[];
  sandboxed: boolean;
}

/** Writes the config only when it differs: make compares time stamps. */
async function updateConfig(objects: string, config: string): Promise<void> {
  const file = join(objects, '.config');
  const present = await readRegularFile(file).catch(() => undefined);
  if (present !== config) await replaceFile(file, config);
}

/**
 * Checks the tree out and makes the targets of each phase in turn, in the object folder of its source and config. Callers hold
 * `lock(workDir)`. Throws VerdictError `build-failed` when the kernel is at fault, LabError when the machine is, the abort
 * reason when stopped; finished objects stay and the next build uses them.
 */
export async function compile(
  { tree, config, tools, key, objectsId }: BuildSpec,
  phases: string[][],
  ctx: StageContext,
  jobs = availableParallelism(),
): Promise<Compiled> {
  const work = new WorkTree(tree.workDir);
  await work.checkout(tree, ctx.signal);
  const objects = new ObjectFolder(tree.workDir, objectsId);
  await objects.begin(key);
  await rm(join(objects.path, MODULES_FOLDER), { force: true, recursive: true });
  await updateConfig(objects.path, config);
  const roots = [work.path, objects.path];
  const { targets: made, complete } = objects.progress;
  const progress = complete ? { done: 0 } : { done: made, expected: estimateTargets(config) };
  const { logFile } = objects;
  const request = {
    ...{ tree: work.path, objects: objects.path, jobs, tools, signal: ctx.signal, logFile },
    onLine: progressReporter(ctx, tree.name, roots, progress),
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
