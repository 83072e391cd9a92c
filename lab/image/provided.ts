import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Image } from '../model/machine.ts';
import { mergedPath } from './usrmerge.ts';

/** List of an image's programs, in its folder of the cache: paths below the root, one a line. */
const PROGRAMS = 'programs.txt';

/** Writes the list of programs in `root` (executable files and links) into the folder of an image. */
export async function listPrograms(root: string, folder: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = await Promise.all(
    entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const isProgram = entry.isSymbolicLink() || (entry.isFile() && ((await stat(path)).mode & 0o111) !== 0);
      return isProgram ? [relative(root, path)] : [];
    }),
  );
  await writeFile(join(folder, PROGRAMS), `${paths.flat().sort().join('\n')}\n`);
}

/** Whether guests that boot an image have a program, by its absolute path. Throws the error of the file system for an image that is not in the cache. */
export async function providedBy({ path }: Pick<Image, 'path'>): Promise<(program: string) => boolean> {
  const programs = new Set((await readFile(join(dirname(path), PROGRAMS), 'utf8')).split('\n'));
  return (program) => programs.has(mergedPath(join('/', program).slice(1)));
}
