import { copyFile, mkdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { DANGLING, isDangling, writeJson } from '../core/atomic.ts';
import { cacheRoot, ensureFolder, exists, isPresent } from '../core/cache.ts';
import { LabError, VerdictError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { lock } from '../core/lock.ts';
import { readPlainFile } from '../core/plain-file.ts';
import { run } from '../core/process.ts';
import { removeTree } from '../core/remove.ts';
import type { StageContext } from '../model/event.ts';
import { type SourceTree, sourceOf } from '../model/kernel.ts';
import { listFiles } from './collect.ts';
import { firstDamage, Sums, sumsOf } from './sums.ts';
import type { Toolchain } from './toolchain.ts';
import { extractUapi } from './uapi/extract.ts';

/** Paths that `make headers` reads on every architecture. */
const SOURCES = ['include/uapi', 'include/asm-generic', 'scripts', 'usr/include/Makefile', 'Makefile'];

/** `sums.json` of stored headers. */
const SumsFile = z.object({ sums: Sums });

/**
 * Folders of a tree's installed headers, whether or not they exist yet, in the order in which they are looked for. The first is named
 * by the git objects that headers are made from: most series do not touch them, and use those of their source. Only a source writes
 * it; what a tree with patches installs is kept for that tree, in the last.
 */
export async function headersFolders(
  tree: SourceTree,
  tools: Toolchain,
  { signal, unsafeNoSandbox }: StageContext,
): Promise<{ all: string[]; own: string }> {
  const paths = [...SOURCES, ...tools.arch.kernel.headerSources];
  const { stdout } = await run('git', ['ls-tree', tree.commit, '--', ...paths], { cwd: tree.gitDir, signal });
  const folder = (key: string) => join(cacheRoot(), 'headers', key);
  const shared = folder(hashOf('headers-2', tools.id, stdout));
  const isForeign = unsafeNoSandbox || sourceOf(tree) !== undefined;
  const label = unsafeNoSandbox ? 'headers-unsafe' : 'headers-of-tree';
  const own = isForeign ? folder(hashOf(label, tools.id, tree.tree)) : shared;
  return { all: [...new Set([shared, own])], own };
}

/** Why stored headers cannot be used; undefined when they are as they were stored. */
async function damageOf(folder: string): Promise<string | undefined> {
  if (await isDangling(folder)) return DANGLING;
  try {
    const { sums } = SumsFile.parse(JSON.parse((await readPlainFile(join(folder, 'sums.json'))) ?? ''));
    return await firstDamage(folder, sums);
  } catch {
    return 'its sums.json cannot be read';
  }
}

/** Whether headers are stored, so that `make headers` can be left out. Damaged ones are removed, with a note. */
export async function haveHeaders(folder: string, { signal, emit }: StageContext): Promise<boolean> {
  if (!(await isPresent(folder))) return false;
  if ((await damageOf(folder)) === undefined) return true;
  await using _held = await lock(`${folder}.lock.d`, signal);
  // Another process may have made them again.
  const reason = (await isPresent(folder)) ? await damageOf(folder) : undefined;
  if (reason === undefined) return exists(folder);
  const subject = `headers/${basename(folder)}`;
  emit({ type: 'note', note: { code: 'cache.damaged', subject, damage: reason } });
  await removeTree(folder);
  return false;
}

/** A header; not the object files and dot files that kbuild leaves beside them. */
function isHeader(path: string): boolean {
  return path.endsWith('.h') && !path.split('/').some((name) => name.startsWith('.'));
}

/** Bytes of each installed header, and of all: the largest of Linux 6.12 has 350 KB, all have 7 MB. */
const BOUNDS = { maxFileBytes: 4 << 20, maxBytes: 64 << 20 };

/** Copies the headers of a folder that `collect` made. Throws RefusedFile as `listFiles`, and the abort reason. */
async function copyHeaders(from: string, to: string, signal: AbortSignal): Promise<void> {
  for (const path of (await listFiles(from, BOUNDS)).filter(isHeader)) {
    signal.throwIfAborted();
    await mkdir(dirname(join(to, path)), { recursive: true });
    await copyFile(join(from, path), join(to, path));
  }
}

/**
 * Stores installed headers (`include`, from `collect`) as `headers/` with their `uapi.json` and hashes beside it. Throws VerdictError
 * `build-failed` when they do not compile or are no regular files.
 */
export async function storeHeaders(
  name: string,
  folder: string,
  include: string,
  ctx: StageContext,
): Promise<void> {
  const fill = async (dir: string) => {
    const files = join(dir, 'content');
    const installed = join(files, 'headers/include');
    await mkdir(installed, { recursive: true });
    await copyHeaders(include, installed, ctx.signal);
    const uapi = await extractUapi([installed], '', ctx.signal, ctx).catch((error) => {
      if (!(error instanceof VerdictError)) throw error;
      throw new VerdictError('build-failed', `${name} does not build: ${error.message}`, error.detail);
    });
    await writeJson(join(files, 'uapi.json'), uapi);
    const sums = await sumsOf(files, ctx.signal);
    for (const entry of ['headers', 'uapi.json']) await rename(join(files, entry), join(dir, entry));
    await removeTree(files);
    await writeJson(join(dir, 'sums.json'), { sums });
  };
  await ensureFolder(folder, fill, { signal: ctx.signal });
}

/** The first of the folders whose headers are stored and undamaged. Throws LabError when there is none. */
export async function usableHeaders(folders: readonly string[], ctx: StageContext): Promise<string> {
  for (const folder of folders) if (await haveHeaders(folder, ctx)) return folder;
  throw new LabError('the headers that were just stored are gone from the cache');
}
