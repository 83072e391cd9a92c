import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import writeFile from 'write-file-atomic';

/** Writes a file whole or not at all (temp file + rename). */
export async function writeAtomic(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

/** `writeAtomic` of a value as indented JSON with a final newline. */
export function writeJson(path: string, value: unknown): Promise<void> {
  return writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Makes a folder whole or not at all: `fill` gets a temporary sibling, which is renamed to `path` when it succeeds.
 * If somebody else made `path` meanwhile, theirs stands and ours is dropped.
 */
export async function makeFolder(path: string, fill: (dir: string) => Promise<void>): Promise<void> {
  const temp = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  await mkdir(temp, { recursive: true });
  try {
    await fill(temp);
    await rename(temp, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
}
