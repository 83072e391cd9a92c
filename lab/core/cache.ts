import { access, lstat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeFolder } from './atomic.ts';
import { InputError } from './errors.ts';
import { lock } from './lock.ts';
import { cacheProblems } from './path-characters.ts';

/** The folder that the settings name, not checked. */
function chosenRoot(): { folder: string; setting: string } {
  const { RINGLAB_CACHE, XDG_CACHE_HOME } = process.env;
  if (RINGLAB_CACHE) return { folder: RINGLAB_CACHE, setting: 'RINGLAB_CACHE' };
  if (XDG_CACHE_HOME) return { folder: join(XDG_CACHE_HOME, 'ringlab'), setting: 'XDG_CACHE_HOME' };
  const fix = 'your home folder; set RINGLAB_CACHE to another folder';
  return { folder: join(homedir(), '.cache/ringlab'), setting: fix };
}

/**
 * Absolute path of the cache: `$RINGLAB_CACHE`, else `$XDG_CACHE_HOME/ringlab`, else `~/.cache/ringlab`. Throws InputError for a
 * path that make cannot build kernels in.
 */
export function cacheRoot(): string {
  const { folder, setting } = chosenRoot();
  const root = resolve(folder);
  const problems = cacheProblems(root, setting);
  if (problems.length > 0) throw new InputError(problems);
  return root;
}

/** Whether a file or folder exists (and its parent may be searched). */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Whether anything is at a path, also a link without a target. */
export const isPresent = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/**
 * The folder `path` of a content-addressed store. If it does not exist, `fill` makes it under a lock, and it appears by rename when
 * it is complete. `cached`: it existed. What is not sound by `isSound` (default: a link without a target) is removed with `discard` and
 * made again. Throws what `fill` throws, or the abort reason.
 */
export async function ensureFolder(
  path: string,
  fill: (dir: string) => Promise<void>,
  options: {
    signal?: AbortSignal;
    onWait?: () => void;
    isSound?: () => Promise<boolean>;
    discard?: () => Promise<void>;
  } = {},
): Promise<{ dir: string; cached: boolean }> {
  const { isSound = () => exists(path), discard } = options;
  if ((await exists(path)) && (await isSound())) return { dir: path, cached: true };
  await using _lock = await lock(`${path}.lock.d`, options.signal, options.onWait);
  if (await isPresent(path)) {
    // Another ringlab may have made it again meanwhile.
    if (await isSound()) return { dir: path, cached: true };
    await discard?.();
  }
  await makeFolder(path, fill);
  return { dir: path, cached: false };
}
