import { copyFile, mkdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exists } from '../core/cache.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';

/** Where the loader of the packages looks. */
const LIBRARY_FOLDERS = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'lib64'];

/** Shared libraries of a program, by soname, as the host's loader finds them. */
async function librariesOf(program: string, ctx: StageContext): Promise<{ name: string; path: string }[]> {
  // A static program has none, which ldd calls a failure.
  const { stdout } = await run('ldd', [program], { accept: [0, 1], signal: ctx.signal });
  return [...stdout.matchAll(/^\s*(\S+) => (\/\S+)/gm)].map(([, name = '', path = '']) => ({ name, path }));
}

/**
 * Puts the running node into the root, without its symbols (a sixth smaller), and those of its libraries that no package
 * brought: a node that is not Debian's may need others.
 */
export async function addNode(root: string, ctx: StageContext): Promise<void> {
  const program = await realpath(process.execPath);
  const target = join(root, 'usr/bin/node');
  await mkdir(dirname(target), { recursive: true });
  await run('strip', ['-o', target, program], { signal: ctx.signal });
  for (const { name, path } of await librariesOf(program, ctx)) {
    const there = await Promise.all(LIBRARY_FOLDERS.map((folder) => exists(join(root, folder, name))));
    if (!there.includes(true)) await copyFile(path, join(root, 'usr/lib/x86_64-linux-gnu', name));
  }
}
