import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VerdictError } from '../core/errors.ts';
import { removeTree } from '../core/remove.ts';
import { Resources } from '../core/resource.ts';
import type { StageContext } from '../model/event.ts';
import { type SourceTree, sourceOf } from '../model/kernel.ts';
import { collect } from './collect.ts';
import { failureOf } from './failure.ts';
import { make } from './make.ts';
import { ObjectFolder } from './objects.ts';
import { PrivateView } from './private.ts';
import { MAX_LOG_BYTES, RefusedFile, readRegularFile } from './regular-file.ts';
import type { ResolvedRequest } from './request.ts';
import type { Toolchain } from './toolchain.ts';

/** Content of a `.config` that Kconfig has left. Throws VerdictError when it is no regular file, or too large. */
async function readConfig(name: string, file: string): Promise<string> {
  try {
    return await readRegularFile(file);
  } catch (error) {
    if (!(error instanceof RefusedFile)) throw error;
    throw new VerdictError(
      'build-failed',
      `${name} does not build: Kconfig leaves an unusable .config`,
      error.message,
    );
  }
}

/** The folder in which Kconfig runs. That of a source keeps the programs of Kconfig; a tree with patches gets a view of it. */
async function configFolder(
  tree: SourceTree,
  resources: Resources,
  ctx: StageContext,
): Promise<ObjectFolder> {
  const id = 'config-2';
  const path = ObjectFolder.pathOf(tree.workDir, id);
  const isPrivate = sourceOf(tree) !== undefined && !ctx.unsafeNoSandbox;
  const view = isPrivate ? resources.use(await PrivateView.open(path, tree.workDir, ctx)) : undefined;
  const folder = new ObjectFolder(tree.workDir, id, view);
  await Promise.all([mkdir(folder.path, { recursive: true }), mkdir(folder.scratch, { recursive: true })]);
  return folder;
}

/**
 * Runs Kconfig on the checked-out tree and returns the finished config. Callers hold `lock(workDir)`. Throws VerdictError
 * `build-failed` when the tree's Kconfig is broken, LabError when the machine is at fault.
 */
export async function configure(
  tree: SourceTree,
  request: ResolvedRequest,
  tools: Toolchain,
  ctx: StageContext,
): Promise<string> {
  const { name, workDir } = tree;
  await using resources = new Resources();
  const folder = await configFolder(tree, resources, ctx);
  const source = join(workDir, 'tree');
  const { path: objects, logFile, access } = folder;
  await removeTree(logFile);
  const makeTarget = async (target: string) => {
    const trusted = folder.view === undefined;
    const disk = folder.view?.disk;
    const settings = {
      name,
      access,
      trusted,
      disk,
      jobs: 1,
      tools,
      signal: ctx.signal,
      policy: ctx,
      logFile,
    };
    const code = await make({ tree: source, objects, targets: [target], ...settings });
    if (code === 0) return;
    throw await failureOf(tree, await readRegularFile(logFile, MAX_LOG_BYTES), [source, objects], disk);
  };
  const result = async () => readConfig(name, join(await collect(name, folder, ['.config'], ctx), '.config'));
  if ('target' in request.start) await makeTarget(request.start.target);
  const start = 'text' in request.start ? request.start.text : await result();
  await folder.writeTop('.config', `${start}\n${request.text}`);
  await makeTarget('olddefconfig');
  return await result();
}
