import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { lstat, mkdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import writeFile from 'write-file-atomic';

/** An error of the file system that names its file: write(2) knows only a number. */
const withPath = (error: NodeJS.ErrnoException, path: string): Error =>
  error.path === undefined ? Object.assign(error, { path }) : error;

/** Writes a file completely or not at all (temporary file and rename), and creates its folder. */
export async function writeAtomic(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content).catch((error) => {
    throw withPath(error, path);
  });
}

/**
 * As `writeAtomic`, before it returns: for what must be on disk when the process ends in the next moment. It
 * survives the end of the process, not a power failure: to wait for the device would hold up everything that runs meanwhile. Throws the error of the file system; the file is
 * unchanged then.
 */
export function writeAtomicSync(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const temp = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    writeFileSync(temp, content);
    renameSync(temp, path);
  } catch (error) {
    rmSync(temp, { force: true });
    throw withPath(error as NodeJS.ErrnoException, path);
  }
}

/** A value as indented JSON with a final newline. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Writes a value with `writeAtomic`, as indented JSON with a final newline. */
export function writeJson(path: string, value: unknown): Promise<void> {
  return writeAtomic(path, jsonText(value));
}

/** Whether a path is a link whose target does not exist. */
async function isDangling(path: string): Promise<boolean> {
  const info = await lstat(path).catch(() => undefined);
  if (!info?.isSymbolicLink()) return false;
  return stat(path).then(
    () => false,
    () => true,
  );
}

/** Renames a folder. A link without a target in its place is removed: it looks like nothing, and rename(2) fails with ENOTDIR. */
async function renameFolder(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR' || !(await isDangling(to))) throw error;
    // Another process may have removed it; what stands there then, the second rename tells.
    await unlink(to).catch(() => {});
    await rename(from, to);
  }
}

/**
 * Makes a folder completely or not at all: `fill` gets a temporary sibling, which is renamed to `path` when `fill` succeeds.
 * A folder that another process made at `path` meanwhile is kept, and ours is removed; a link without a target there is replaced. Throws what `fill` throws.
 */
export async function makeFolder(path: string, fill: (dir: string) => Promise<void>): Promise<void> {
  const temp = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  await mkdir(temp, { recursive: true });
  try {
    await fill(temp);
    await renameFolder(temp, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
}
