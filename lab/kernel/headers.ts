import { cp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot, ensureFolder, exists } from '../core/cache.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import type { Toolchain } from './toolchain.ts';
import { extractUapi } from './uapi/extract.ts';

/** Paths that `make headers` reads on every architecture. */
const SOURCES = ['include/uapi', 'include/asm-generic', 'scripts', 'usr/include/Makefile', 'Makefile'];

/**
 * Folder of a tree's installed headers, whether or not it exists yet. Its key is the git objects that headers are made from:
 * most series do not touch them, and share the folder with their base.
 */
export async function headersFolder(
  tree: SourceTree,
  tools: Toolchain,
  signal: AbortSignal,
): Promise<string> {
  const paths = [...SOURCES, ...tools.arch.kernel.headerSources];
  const { stdout } = await run('git', ['ls-tree', tree.commit, '--', ...paths], { cwd: tree.gitDir, signal });
  return join(cacheRoot(), 'headers', hashOf('headers-1', tools.id, stdout));
}

/** Whether the headers are stored, so that `make headers` can be left out. */
export function haveHeaders(folder: string): Promise<boolean> {
  return exists(folder);
}

/** A header, or a folder; not the object files and dot files that kbuild leaves beside them. */
function isHeader(path: string): boolean {
  const name = basename(path);
  return !name.startsWith('.') && (!name.includes('.') || name.endsWith('.h'));
}

/**
 * Stores `usr/include` of an object folder, after `make headers`, as `headers/` with its `uapi.json` beside it. Throws LabError
 * when the headers do not compile.
 */
export async function storeHeaders(folder: string, objects: string, ctx: StageContext): Promise<void> {
  const fill = async (dir: string) => {
    const include = join(dir, 'headers/include');
    await cp(join(objects, 'usr/include'), include, { recursive: true, filter: isHeader });
    await writeJson(join(dir, 'uapi.json'), await extractUapi([include], '', ctx.signal, ctx));
  };
  await ensureFolder(folder, fill, { signal: ctx.signal });
}
