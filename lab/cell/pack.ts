import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../core/process.ts';
import { copyFiles, type PayloadFile, PROGRAM_FOLDERS } from './payload-files.ts';

/** Archives of a program's payload folder: its files, and the libraries that guests lack. */
export const ARCHIVES = { files: 'files.tar', libraries: 'libraries.tar' } as const;

/** Equal files give equal bytes, whoever packs them and when. */
const REPRODUCIBLE = [
  '--sort=name',
  '--mtime=@0',
  '--owner=0',
  '--group=0',
  '--numeric-owner',
  '--format=gnu',
];

/** Packs files into the archives of a payload folder. Throws LabError when tar fails, the error of the file system, the abort reason. */
export async function packFiles(
  files: readonly PayloadFile[],
  dir: string,
  signal: AbortSignal,
): Promise<void> {
  const tree = join(dir, 'tree');
  try {
    for (const folder of Object.values(PROGRAM_FOLDERS)) await mkdir(join(tree, folder), { recursive: true });
    await copyFiles(files, tree);
    for (const part of ['files', 'libraries'] as const) {
      const folder = join(tree, PROGRAM_FOLDERS[part]);
      await run('tar', [...REPRODUCIBLE, '-C', folder, '-cf', join(dir, ARCHIVES[part]), '.'], { signal });
    }
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}
