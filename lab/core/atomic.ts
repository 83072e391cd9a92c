import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, realpath, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pending } from './pending.ts';
import { removeLeftoverFiles, removeLeftoverFolders, temporaryPath } from './temporary.ts';

/** An error of the file system that names its file: write(2) knows only a number. */
const withPath = (error: NodeJS.ErrnoException, path: string): Error =>
  error.path === undefined ? Object.assign(error, { path }) : error;

/** Temporary files that are being written: a process that is ended by an exit meanwhile removes them. */
const unfinished = new Set<string>();
process.on('exit', () => {
  for (const file of unfinished) rmSync(file, { force: true });
});

/** Gives a new file mode and owner of the file that it is to replace; an ordinary user cannot give a file away. */
async function copyOwnership(file: FileHandle, path: string): Promise<void> {
  const [old, ours] = await Promise.all([lstat(path).catch(() => undefined), file.stat()]);
  if (!old?.isFile()) return;
  if (old.uid !== ours.uid || old.gid !== ours.gid)
    await file.chown(old.uid, old.gid).catch((error) => {
      if (process.getuid?.() === 0) throw error;
    });
  // After the owner, whose change clears bits.
  if (old.mode !== ours.mode) await file.chmod(old.mode & 0o7777);
}

async function writeTemporary(temp: string, content: string | Buffer, path: string): Promise<void> {
  // Created before an exit can come: an open that is under way then would create the file after its removal.
  closeSync(openSync(temp, 'wx', 0o666));
  const file = await open(temp, 'r+');
  try {
    await file.writeFile(content);
    await copyOwnership(file, path);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Writes a file completely or not at all (temporary file and rename), and creates its folder. A link in its place is replaced, or
 * followed with `followLink`, for files that the user names. What a killed writer of the same file has left is removed. Throws the error
 * of the file system; the file is unchanged then.
 */
export async function writeAtomic(
  path: string,
  content: string | Buffer,
  { followLink = false }: { followLink?: boolean } = {},
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const target = followLink ? await realpath(path).catch(() => path) : path;
  removeLeftoverFiles(target);
  const temp = temporaryPath(target);
  unfinished.add(temp);
  try {
    await writeTemporary(temp, content, target);
    await rename(temp, target);
  } catch (error) {
    await rm(temp, { force: true });
    throw withPath(error as NodeJS.ErrnoException, path);
  } finally {
    unfinished.delete(temp);
  }
}

/**
 * As `writeAtomic`, before it returns: for what must be on disk when the process ends in the next moment. It survives the end of the
 * process, not a power failure: to wait for the device would hold up everything that runs meanwhile. Throws the error of the file system;
 * the file is unchanged then.
 */
export function writeAtomicSync(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  removeLeftoverFiles(path);
  const temp = temporaryPath(path);
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

/** Damage of an entry of the cache for which `isDangling` is true, in words. */
export const DANGLING = 'a link without a target is in its place';

/** Whether a path is a link whose target does not exist. */
export async function isDangling(path: string): Promise<boolean> {
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
 * A folder that another process made at `path` meanwhile is kept, and ours is removed; a link without a target there is replaced. What a
 * killed maker of the same folder has left is removed. Throws what `fill` throws.
 */
export async function makeFolder(path: string, fill: (dir: string) => Promise<void>): Promise<void> {
  await removeLeftoverFolders(path);
  const temp = temporaryPath(path);
  using _noted = pending(`folder ${temp}`, { remove: () => rmSync(temp, { recursive: true, force: true }) });
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
