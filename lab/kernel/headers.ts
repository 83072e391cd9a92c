import { cp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot, ensureFolder, exists } from '../core/cache.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { SourceTree } from '../model/kernel.ts';
import type { Toolchain } from './toolchain.ts';
import { extractUapi } from './uapi/extract.ts';

/** What installed headers are made from: equal objects give equal headers, whatever else a series changes. */
const sources = [
  'include/uapi',
  'include/asm-generic',
  'arch/x86/include/uapi',
  'arch/x86/entry/syscalls',
  'arch/x86/include/asm/Kbuild',
  'scripts',
  'usr/include/Makefile',
  'Makefile',
];

/** Where the headers of a state are or will be kept, apart from its kernel: most series do not touch them. */
export async function headersFolder(
  tree: SourceTree,
  tools: Toolchain,
  signal: AbortSignal,
): Promise<string> {
  const { stdout } = await run('git', ['ls-tree', tree.commit, '--', ...sources], {
    cwd: tree.gitDir,
    signal,
  });
  return join(cacheRoot(), 'headers', hashOf('headers-1', tools.id, stdout));
}

/** Whether `make headers` can be left out. */
export function haveHeaders(folder: string): Promise<boolean> {
  return exists(folder);
}

/** Keeps `usr/include` of an object folder, after `make headers`, as `headers/` with its `uapi.json` beside it. */
export async function keepHeaders(folder: string, objects: string, signal: AbortSignal): Promise<void> {
  const fill = async (dir: string) => {
    const into = join(dir, 'headers/include');
    const only = (from: string) =>
      !basename(from).startsWith('.') && (!basename(from).includes('.') || from.endsWith('.h'));
    await cp(join(objects, 'usr/include'), into, { recursive: true, filter: only });
    await writeJson(join(dir, 'uapi.json'), await extractUapi([into], '', signal));
  };
  await ensureFolder(folder, fill, { signal });
}
