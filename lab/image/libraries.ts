import { open, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { hostArch } from '../model/arch.ts';
import type { StageContext } from '../model/event.ts';

const PROGRAM_FOLDERS = ['usr/bin', 'usr/sbin', 'usr/lib/openssh'];
const ELF = Buffer.from('\x7fELF', 'latin1');

async function isElf(path: string): Promise<boolean> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.equals(ELF);
}

/** ELF programs in the usual folders of a root, as full paths. */
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

/** Whether the guest's loader would find a library with this soname. */
export async function hasLibrary(root: string, name: string): Promise<boolean> {
  const { libraryFolders } = hostArch().loader;
  const present = await Promise.all(libraryFolders.map((folder) => exists(join(root, folder, name))));
  return present.includes(true);
}

/**
 * Throws one InputError with every library that a program in the root is linked with but that the root lacks: packages are unpacked without
 * their dependencies, and a guest whose SSH server cannot start gives no reason.
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
