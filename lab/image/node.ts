import { copyFile, mkdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { hasLibrary } from './libraries.ts';

/** Shared libraries of a program, by soname, as the host's loader finds them. */
async function librariesOf(program: string, ctx: StageContext): Promise<{ name: string; path: string }[]> {
  // For a static program ldd ends with code 1.
  const { stdout } = await run('ldd', [program], { accept: [0, 1], signal: ctx.signal });
  return [...stdout.matchAll(/^\s*(\S+) => (\/\S+)/gm)].map(([, name = '', path = '']) => ({ name, path }));
}

/** Path of the node that runs the lab, symbolic links resolved: guests get the same. */
export const nodeProgram = () => realpath(process.execPath);

/**
 * Copies the running node into the root folder, without its symbols (a sixth smaller), and its shared libraries that no package
 * of the recipe has: a node from elsewhere than Debian may need others.
 */
export async function addNode(root: string, ctx: StageContext): Promise<void> {
  const program = await nodeProgram();
  const target = join(root, 'usr/bin/node');
  await mkdir(dirname(target), { recursive: true });
  await run('strip', ['-o', target, program], { signal: ctx.signal });
  for (const { name, path } of await librariesOf(program, ctx)) {
    if (await hasLibrary(root, name)) continue;
    const copy = join(root, 'usr/lib/x86_64-linux-gnu', name);
    await mkdir(dirname(copy), { recursive: true });
    await copyFile(path, copy);
  }
}
