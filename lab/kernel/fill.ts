import { basename, join } from 'node:path';
import { VerdictError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { lock } from '../core/lock.ts';
import { removeTree } from '../core/remove.ts';
import { Resources } from '../core/resource.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelBuild } from '../model/kernel.ts';
import { collect } from './collect.ts';
import { type Compiled, compile, MODULES_FOLDER } from './compile.ts';
import { DISK_ALLOWANCE } from './disk.ts';
import { haveHeaders, headersFolders, storeHeaders, usableHeaders } from './headers.ts';
import { ObjectFolder } from './objects.ts';
import { PrivateView } from './private.ts';
import { RefusedFile, readRegularFile } from './regular-file.ts';
import type { BuildSpec } from './spec.ts';
import { outputFiles, readBuild, readEntry, storeBuild, storeFolder } from './store.ts';
import { WorkTree } from './worktree.ts';

function hasModules(config: string): boolean {
  return /^CONFIG_\w+=m$/m.test(config);
}

/** The make targets of a stored kernel, in phases. */
function phasesOf({ config, bootImage, tools }: BuildSpec, headersStored: boolean): string[][] {
  const { bootTarget, image } = tools.arch.kernel;
  const main = [bootTarget, ...(bootImage ? [image.target] : []), ...(headersStored ? [] : ['headers'])];
  if (!hasModules(config)) return [main];
  return [
    [...main, 'modules'],
    // Without debug symbols, which are most of a module: guests get a copy.
    ['modules_install', `INSTALL_MOD_PATH=${MODULES_FOLDER}`, 'INSTALL_MOD_STRIP=1'],
  ];
}

/** Runs `use`; files of the build that it refuses are the kernel's fault. */
async function blaming<T>(name: string, out: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof RefusedFile)) throw error;
    const reason = error.message.replaceAll(`${out}/`, '');
    throw new VerdictError('build-failed', `${name} does not build: its build leaves ${reason}`, reason);
  }
}

const RELEASE_FILE = 'include/config/kernel.release';

/** Takes the outputs of a finished build to the store. */
async function store(
  spec: BuildSpec,
  { objects, warnings, protections }: Compiled,
  headers: { all: string[]; own: string; stored: boolean },
  began: number,
  ctx: StageContext,
): Promise<KernelBuild> {
  const { tree, config, tools, key } = spec;
  const modules = hasModules(config) ? [MODULES_FOLDER] : [];
  const include = headers.stored ? [] : ['usr/include'];
  const files = outputFiles(spec.bootImage);
  const outputs = [...files, RELEASE_FILE, ...include, ...modules];
  const out = await collect(tree.name, objects, outputs, ctx);
  try {
    return await blaming(tree.name, out, async () => {
      const release = (await readRegularFile(join(out, RELEASE_FILE), MAX_RELEASE)).trim();
      if (!headers.stored) await storeHeaders(tree.name, headers.own, join(out, 'usr/include'), ctx);
      const folder = await usableHeaders(headers.all, ctx);
      const { arch, compiler, linker } = tools;
      const facts = {
        ...{ format: 2 as const, key, release, arch: arch.name, compiler, linker, tree: tree.tree },
        ...{ configHash: hashOf(config), warnings, sandboxed: protections.length > 0, protections },
        ...{ targets: objects.progress.targets, seconds: secondsSince(began) },
        ...(spec.bootImage ? { bootImage: basename(arch.kernel.image.file) } : {}),
      };
      const from = { out, files, logFile: objects.logFile, headers: folder };
      return storeBuild(facts, { ...from, ...(modules[0] ? { modules: modules[0] } : {}) }, tree, ctx.signal);
    });
  } finally {
    await removeTree(out);
  }
}

/** Bytes of `uname -r`, which the kernel limits to 64. */
const MAX_RELEASE = 256;

const secondsSince = (began: number) => Math.round((performance.now() - began) / 100) / 10;

/**
 * Makes the objects of a source those that a build on top of it can start from. Whether they are: a source that does not build is no
 * obstacle.
 */
async function prepareSource(spec: BuildSpec, ctx: StageContext, jobs?: number): Promise<boolean> {
  const { tree, key, objectsId, tools } = spec;
  const stamp = await new WorkTree(tree.workDir).stamp();
  if (await new ObjectFolder(tree.workDir, objectsId).isCurrent(key, stamp)) return true;
  const kernel = tree.name;
  const began = performance.now();
  ctx.emit({ type: 'kernel.start', kernel, compiler: tools.compiler });
  try {
    await compile(spec, { phases: phasesOf(spec, false), whole: true, jobs }, ctx);
    ctx.emit({ type: 'kernel.end', kernel, outcome: 'built', seconds: secondsSince(began) });
    return true;
  } catch (error) {
    ctx.emit({ type: 'kernel.end', kernel, outcome: ctx.signal.aborted ? 'stopped' : 'failed' });
    if (!(error instanceof VerdictError)) throw error;
    return false;
  }
}

/**
 * Opens the view in which a tree with patches is built, of objects that belong to its source; undefined for a source. Callers hold the
 * lock of the source.
 */
export async function openView(
  spec: BuildSpec,
  ctx: StageContext,
  jobs?: number,
): Promise<PrivateView | undefined> {
  if (!spec.source) return undefined;
  const isBuilt = await prepareSource(spec.source, ctx, jobs);
  const { workDir } = spec.tree;
  const allowance = DISK_ALLOWANCE[isBuilt ? 'built' : 'unbuilt'];
  return PrivateView.open(ObjectFolder.pathOf(workDir, spec.objectsId), workDir, ctx, allowance);
}

/** Callers hold the lock of the source. */
async function compileAndStore(spec: BuildSpec, ctx: StageContext, jobs?: number): Promise<KernelBuild> {
  const { tree, tools } = spec;
  await using resources = new Resources();
  const folder = await openView(spec, ctx, jobs);
  const view = folder && { folder: resources.use(folder), isNew: true };
  const began = performance.now();
  const headers = await headersFolders(tree, tools, ctx);
  const stored = (await Promise.all(headers.all.map((each) => haveHeaders(each, ctx)))).includes(true);
  const phases = phasesOf(spec, stored);
  const compiled = await compile(spec, { phases, whole: true, jobs, view }, ctx);
  return await store(spec, compiled, { ...headers, stored }, began, ctx);
}

/** Removes an entry of the store that cannot be used; a damaged one with a note. */
async function removeUnusable(key: string, ctx: StageContext): Promise<void> {
  const entry = await readEntry(key);
  if (entry.state === 'damaged') {
    const { reason } = entry;
    ctx.emit({ type: 'note', note: { code: 'cache.damaged', subject: `kernels/${key}`, damage: reason } });
  }
  if (entry.state !== 'missing') await removeTree(storeFolder(key));
}

/**
 * Builds a kernel that the store does not have, and stores it: one process at a time for each source. Emits `kernel.start` and
 * `kernel.end`. Throws as `compile` and `storeHeaders`.
 */
export async function buildIntoStore(
  spec: BuildSpec,
  ctx: StageContext,
  jobs?: number,
): Promise<KernelBuild> {
  const { tree, key, tools } = spec;
  const kernel = tree.name;
  const onWait = () => ctx.emit({ type: 'lock.wait', for: 'build', subject: kernel });
  await using _held = await lock(tree.workDir, ctx.signal, onWait);
  // The previous holder of the lock may have built this kernel.
  const stored = await readBuild(key, tree, ctx);
  if (stored) return stored;
  await removeUnusable(key, ctx);
  ctx.emit({ type: 'kernel.start', kernel, compiler: tools.compiler });
  try {
    const build = await compileAndStore(spec, ctx, jobs);
    ctx.emit({ type: 'kernel.end', kernel, outcome: 'built', seconds: build.seconds });
    return build;
  } catch (error) {
    ctx.emit({ type: 'kernel.end', kernel, outcome: ctx.signal.aborted ? 'stopped' : 'failed' });
    throw error;
  }
}
