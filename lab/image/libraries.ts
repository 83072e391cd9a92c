import { open, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';

/** Where the loader of Debian's packages looks for libraries, relative to the root. */
export const LIBRARY_FOLDERS = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'lib64'];
const PROGRAM_FOLDERS = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/lib/openssh'];
const ELF = Buffer.from('\x7fELF', 'latin1');

async function isElf(path: string): Promise<boolean> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.equals(ELF);
}

async function programsIn(root: string): Promise<string[]> {
  const folders = await Promise.all(
    PROGRAM_FOLDERS.map(async (folder) => {
      const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
      return entries.filter((entry) => entry.isFile()).map((entry) => join(root, folder, entry.name));
    }),
  );
  const files = folders.flat();
  const elf = await Promise.all(files.map(isElf));
  return files.filter((_, index) => elf[index]);
}

/** Whether a library of that name is where the guest's loader looks. */
export async function hasLibrary(root: string, name: string): Promise<boolean> {
  const there = await Promise.all(LIBRARY_FOLDERS.map((folder) => exists(join(root, folder, name))));
  return there.includes(true);
}

/**
 * Throws InputError naming every library that a program in the root is linked with and that is not there: packages are unpacked
 * without their dependencies, and a guest that cannot start sshd says very little.
 */
export async function checkLibraries(root: string, recipe: string, ctx: StageContext): Promise<void> {
  const problems = [];
  for (const program of await programsIn(root)) {
    const { stdout } = await run('readelf', ['-d', program], { signal: ctx.signal });
    for (const [, name = ''] of stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)) {
      if (await hasLibrary(root, name)) continue;
      const what = `/${relative(root, program)} needs ${name}, which is in none of the packages`;
      problems.push({ what, where: `image ${recipe}`, fix: 'add the package that has it to the recipe' });
    }
  }
  if (problems.length > 0) throw new InputError(problems);
}
