import { copyFile, mkdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../core/process.ts';
import { hostArch } from '../model/arch.ts';
import type { StageContext } from '../model/event.ts';
import { hasLibrary } from './libraries.ts';

/** Shared libraries of a program: sonames, and the paths at which the host's loader finds them. */
async function librariesOf(program: string, ctx: StageContext): Promise<{ name: string; path: string }[]> {
  // For a static program ldd exits with 1.
  const { stdout } = await run('ldd', [program], { accept: [0, 1], signal: ctx.signal });
  return [...stdout.matchAll(/^\s*(\S+) => (\/\S+)/gm)].map(([, name = '', path = '']) => ({ name, path }));
}

/** Path of the node binary that runs the lab, without symbolic links. */
export const nodeProgram = () => realpath(process.execPath);

/**
 * Adds the node that runs the lab to the root, stripped (a sixth smaller), with those of its libraries that the packages lack: a
 * node that is not Debian's may need others.
 */
export async function addNode(root: string, ctx: StageContext): Promise<void> {
  const program = await nodeProgram();
  const target = join(root, 'usr/bin/node');
  await mkdir(dirname(target), { recursive: true });
  await run('strip', ['-o', target, program], { signal: ctx.signal });
  for (const { name, path } of await librariesOf(program, ctx)) {
    if (await hasLibrary(root, name)) continue;
    const copy = join(root, 'usr/lib', hostArch().gnuTriplet, name);
    await mkdir(dirname(copy), { recursive: true });
    await copyFile(path, copy);
  }
}
