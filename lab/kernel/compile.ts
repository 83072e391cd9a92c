import { availableParallelism } from 'node:os';
import { protections } from '../core/sandbox.ts';
import type { StageContext } from '../model/event.ts';
import { presentObjects, removeOutputs } from './collect.ts';
import { failureOf } from './failure.ts';
import { make } from './make.ts';
import { ObjectFolder } from './objects.ts';
import type { PrivateView } from './private.ts';
import { estimateTargets, progressReporter } from './progress.ts';
import { MAX_LOG_BYTES, readRegularFile } from './regular-file.ts';
import type { BuildSpec } from './spec.ts';
import { outputFiles } from './store.ts';
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

/** How `compile` works besides its spec. */
interface CompileOptions {
  /** Targets of each phase. */
  phases: string[][];
  /** Whether the phases make all that a stored kernel needs. */
  whole: boolean;
  jobs?: number | undefined;
  /** The object folder as a build sees it that may not change it, and whether this is the first build there. */
  view?: { folder: PrivateView; isNew: boolean } | undefined;
}

/** Writes the config only when it differs: make compares time stamps. */
async function updateConfig(objects: ObjectFolder, config: string): Promise<void> {
  if ((await objects.readTop('.config')) !== config) await objects.writeTop('.config', config);
}

function noteDamage({ path }: ObjectFolder, ctx: StageContext) {
  const subject = `work/${path.split('/').slice(-2).join('/')}`;
  return (damage: string) => ctx.emit({ type: 'note', note: { code: 'cache.damaged', subject, damage } });
}

/**
 * Checks the tree out and makes the targets of each phase in turn, in the object folder of its source and config, or in a view of that
 * folder. Callers hold `lock(workDir)`. Throws VerdictError `build-failed` when the kernel is at fault, LabError when the machine is,
 * the abort reason when stopped; finished objects stay and the next build of the source uses them.
 */
export async function compile(
  { tree, config, tools, bootImage, key, objectsId }: BuildSpec,
  { phases, whole, jobs = availableParallelism(), view }: CompileOptions,
  ctx: StageContext,
): Promise<Compiled> {
  const work = new WorkTree(tree.workDir);
  // Without a sandbox series are built in the objects of their source, which must not be newer than other content.
  const fresh = !ctx.unsafeNoSandbox && (view?.isNew ?? true);
  await work.checkout(tree, { fresh }, ctx.signal);
  const objects = new ObjectFolder(tree.workDir, objectsId, view?.folder);
  await objects.begin(key, noteDamage(objects, ctx));
  await updateConfig(objects, config);
  if (view?.isNew) {
    const made = outputFiles(bootImage).filter((file) => file !== '.config');
    await removeOutputs(objects, made, ctx);
  }
  const roots = [work.path, objects.path];
  const { targets: made, complete } = objects.progress;
  const progress = complete ? { done: 0 } : { done: made, expected: estimateTargets(config) };
  const { logFile, access } = objects;
  const request = {
    ...{ name: tree.name, tree: work.path, objects: objects.path, access, jobs, tools, logFile },
    ...{ trusted: view === undefined, disk: view?.folder.disk, signal: ctx.signal, policy: ctx },
    onLine: progressReporter(ctx, tree.name, roots, progress),
  };
  try {
    for (const targets of phases) {
      if ((await make({ ...request, targets })) === 0) continue;
      const log = await readRegularFile(logFile, MAX_LOG_BYTES);
      throw await failureOf(tree, log, roots, view?.folder.disk);
    }
  } catch (error) {
    if (!ctx.signal.aborted) await objects.end(false);
    throw error;
  }
  await objects.end(true, whole ? await work.stamp() : undefined);
  const present = await presentObjects(objects, ctx);
  return { objects, warnings: objects.warnings(present), protections: await protections(ctx) };
}
