import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { InputError } from '../core/errors.ts';
import { MAX_PATCHES } from './limits.ts';
import type { SourceFiles } from './stages.ts';

/** Names of the patch files of a folder, in the order of their numbers. */
async function patchFiles(dir: string): Promise<string[]> {
  const files = (await readdir(dir)).filter((file) => /\.(?:patch|diff|eml)$/i.test(file));
  if (files.length === 0) {
    throw new InputError({
      what: 'no *.patch in this folder',
      where: dir,
      fix: 'git format-patch -o DIR BASE..TIP',
    });
  }
  if (files.length > MAX_PATCHES)
    throw new InputError({ what: `${files.length} patches`, where: dir, expected: `at most ${MAX_PATCHES}` });
  return files.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** The patch files of a folder. Throws InputError when it has none or too many. */
export async function filesOfFolder(dir: string): Promise<SourceFiles> {
  const fileNames = await patchFiles(dir);
  const paths = fileNames.map((file) => join(dir, file));
  return {
    files: paths.map((path) => ({ path, where: path })),
    origin: { kind: 'folder', detail: basename(resolve(dir)) },
    fileNames,
  };
}
