import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { protections } from '../core/sandbox.ts';
import type { StageContext } from '../model/event.ts';
import { failureOf } from './failure.ts';
import { make } from './make.ts';
import { ObjectFolder } from './objects.ts';
import { estimateTargets, progressReporter } from './progress.ts';
import { readRegularFile, replaceFile } from './regular-file.ts';
import type { BuildSpec } from './spec.ts';
import { WorkTree } from './worktree.ts';

/** Folder of `modules_install`, relative to the object folder. */
export const MODULES_FOLDER = 'ringlab-modules';

/** A finished build in its object folder. */
export interface Compiled {
  objects: ObjectFolder;
  /** Warnings of the whole kernel, including those of objects that this build did not compile. */
  warnings: string[];
  /** The protections around it; empty: it was built without a sandbox. */
  protections: string[];
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
    ...{ tree: work.path, objects: objects.path, jobs, tools, logFile },
    ...{ signal: ctx.signal, policy: ctx },
    onLine: progressReporter(ctx, tree.name, roots, progress),
  };
  for (const targets of phases) {
    if ((await make({ ...request, targets })) === 0) continue;
    const failure = failureOf(tree.name, await readFile(logFile, 'utf8'), roots);
    await objects.end(false);
    throw failure;
  }
  await objects.end(true);
  return { objects, warnings: await objects.warnings(), protections: await protections(ctx) };
}
