import { constants } from 'node:fs';
import { copyFile, lstat, readFile, rm, writeFile } from 'node:fs/promises';
import { LabError } from '../core/errors.ts';

/*
 * Access to files in folders that a build may write. A build runs code from the patches under test: a symbolic link that it
 * left behind could make the lab read, copy or overwrite any file on this machine.
 */

async function checkRegular(file: string): Promise<void> {
  if (!(await lstat(file)).isFile()) throw new LabError(`the build left no regular file at ${file}`);
}

/** Content of a file of a build. Throws LabError when it is a link or another special file, ENOENT when it is missing. */
export async function readRegularFile(file: string): Promise<string> {
  await checkRegular(file);
  return readFile(file, 'utf8');
}

/** Copies a file of a build. Throws as `readRegularFile`. */
export async function copyRegularFile(from: string, to: string): Promise<void> {
  await checkRegular(from);
  await copyFile(from, to, constants.COPYFILE_FICLONE);
}

/** Writes a new file; a file, link or folder of that name is removed, never followed. */
export async function replaceFile(file: string, text: string): Promise<void> {
  await rm(file, { force: true, recursive: true });
  await writeFile(file, text, { flag: 'wx' });
}
