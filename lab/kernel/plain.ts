import { constants } from 'node:fs';
import { copyFile, lstat, readFile, rm, writeFile } from 'node:fs/promises';
import { LabError } from '../core/errors.ts';

/*
 * Files in folders that a build may write. The build is a stranger's: a link left there could make us read, copy or overwrite
 * anything on this machine.
 */

async function mustBePlain(file: string): Promise<void> {
  if (!(await lstat(file)).isFile()) throw new LabError(`the build left no plain file ${file}`);
}

export async function readPlain(file: string): Promise<string> {
  await mustBePlain(file);
  return readFile(file, 'utf8');
}

export async function copyPlain(from: string, to: string): Promise<void> {
  await mustBePlain(from);
  await copyFile(from, to, constants.COPYFILE_FICLONE);
}

/** Replaces whatever is there. */
export async function putPlain(file: string, text: string): Promise<void> {
  await rm(file, { force: true, recursive: true });
  await writeFile(file, text, { flag: 'wx' });
}
