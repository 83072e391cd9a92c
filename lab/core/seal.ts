import { lstat, readdir, readlink, rename, rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { z } from 'zod';
import { DANGLING, isDangling, writeAtomic, writeJson } from './atomic.ts';
import { ensureFolder } from './cache.ts';
import { hashFile, hashOf } from './hash.ts';
import { NotPlainFile, readPlainFile } from './plain-file.ts';
import { temporaryPath } from './temporary.ts';

/** The list of a sealed folder's files, in that folder. */
const SEAL = 'ringlab-seal.json';
/** What the files looked like to stat(2) when their hashes were last compared. */
const CHECKED = 'ringlab-checked';

const Seal = z.object({ files: z.record(z.string(), z.string()) });

/** Which files count, by their path below the folder; default: all. */
type Filter = (path: string) => boolean;

async function filesIn(folder: string, counts: Filter): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => path !== SEAL && path !== CHECKED && counts(path))
    .sort();
}

/** Hash of a file's content, of a link its target. A file of another kind has no content that could be compared. */
async function contentOf(path: string): Promise<string> {
  const info = await lstat(path);
  if (info.isSymbolicLink()) return `link ${await readlink(path)}`;
  return info.isFile() ? hashFile(path) : 'special';
}

/** One hash of what stat(2) says of all files. Any write changes it: the change time of an inode cannot be set. */
async function lookOf(folder: string, files: readonly string[]): Promise<string> {
  const looks = await Promise.all(
    files.map(async (path) => {
      const { ino, size, mode, mtimeNs, ctimeNs } = await lstat(join(folder, path), { bigint: true });
      return [path, ino, size, mode, mtimeNs, ctimeNs].join(' ');
    }),
  );
  return hashOf(...looks);
}

/** Seals a folder of the cache: lists its files with their hashes in it, so that `damageOf` finds what changes later. */
export async function seal(folder: string, counts: Filter = () => true): Promise<void> {
  const paths = await filesIn(folder, counts);
  const files: Record<string, string> = {};
  for (const path of paths) files[path] = await contentOf(join(folder, path));
  await writeJson(join(folder, SEAL), { files });
  await writeAtomic(join(folder, CHECKED), await lookOf(folder, paths));
}

/** Whether a folder has a seal that can be read. */
export const isSealed = async (folder: string): Promise<boolean> => (await readSeal(folder)) !== undefined;

async function readSeal(folder: string): Promise<Record<string, string> | undefined> {
  try {
    return Seal.parse(JSON.parse((await readPlainFile(join(folder, SEAL))) ?? '')).files;
  } catch {
    return undefined;
  }
}

/** The first file that is not as it was sealed, in words. */
async function changedFile(folder: string, files: Record<string, string>): Promise<string | undefined> {
  for (const [path, hash] of Object.entries(files)) {
    const content = await contentOf(join(folder, path)).catch(() => undefined);
    if (content === undefined) return `${path} is missing or cannot be read`;
    if (content !== hash) return `${path} is not as it was written`;
  }
  return undefined;
}

/** What the files looked like when they were last compared; undefined when that is not known. */
async function readChecked(folder: string): Promise<string | undefined> {
  try {
    return await readPlainFile(join(folder, CHECKED));
  } catch (error) {
    if (error instanceof NotPlainFile) throw error;
    return undefined;
  }
}

/**
 * What is wrong with a sealed folder, in words; undefined when all files are as they were sealed. Files that were added later do not
 * count. Hashes are compared only after stat(2) has changed for a file, since 130 MB take 0.3 s; otherwise a look at each file will do.
 */
export async function damageOf(folder: string): Promise<string | undefined> {
  if (await isDangling(folder)) return DANGLING;
  const files = await readSeal(folder);
  if (!files) return 'the list of its files is missing or damaged';
  const paths = Object.keys(files);
  const look = await lookOf(folder, paths).catch(() => undefined);
  const checked = await readChecked(folder).catch((error: NotPlainFile) => error);
  if (checked instanceof NotPlainFile) return `${CHECKED} is no regular file`;
  if (look !== undefined && look === checked) return undefined;
  const damage = await changedFile(folder, files);
  if (damage !== undefined || look === undefined) return damage;
  // In a cache that cannot be written the hashes are compared each time.
  await writeAtomic(join(folder, CHECKED), look).catch(() => {});
  return undefined;
}

/** Removes an entry of the cache. Renamed first, so that none sees a half of it. */
export async function discard(path: string): Promise<void> {
  const aside = temporaryPath(path);
  await rename(path, aside);
  await rm(aside, { recursive: true, force: true });
}

/** What a caller may ask of `ensureSealed`. */
interface SealedOptions {
  signal?: AbortSignal;
  onWait?: () => void;
  /** Called with what is wrong before a damaged folder is made again. */
  onDamage?: (damage: string) => void;
  /** Which files are sealed; default: all. */
  counts?: Filter;
}

/**
 * As `ensureFolder`, for a folder that `fill` makes the same each time: it is sealed, and made again when it is damaged. Throws what
 * `fill` throws, the error of the file system, or the abort reason.
 */
export async function ensureSealed(
  path: string,
  fill: (dir: string) => Promise<void>,
  { onDamage, counts, ...options }: SealedOptions = {},
): Promise<{ dir: string; cached: boolean }> {
  const makeSound = async (dir: string) => {
    await fill(dir);
    await seal(dir, counts);
  };
  let damage: string | undefined;
  const isSound = async () => {
    damage = await damageOf(path);
    return damage === undefined;
  };
  const remove = async () => {
    if (damage !== undefined) onDamage?.(damage);
    await discard(path);
  };
  return ensureFolder(path, makeSound, { ...options, isSound, discard: remove });
}
