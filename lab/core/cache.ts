import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import lockfile from 'proper-lockfile';
import { makeFolder } from './atomic.ts';
import { InputError } from './errors.ts';
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

/**
 * Takes the lock of a folder, which is created if missing. Waits for another ringlab that holds it, after a call of `onWait`. The
 * lock of a killed holder expires after 10 s, because it is no longer refreshed. Throws the abort reason when `signal` fires.
 *
 * @example
 * await using _lock = await lock(folder, signal, () => emit({ type: 'lock.wait', for: 'build', subject }));
 */
export async function lock(
  folder: string,
  signal?: AbortSignal,
  onWait?: () => void,
): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true });
  for (let waiting = false; ; ) {
    signal?.throwIfAborted();
    try {
      // Retried in this loop rather than by the library, so that a wait is reported and can be aborted.
      const release = await lockfile.lock(folder, {
        stale: 10_000,
        update: 2_000,
        retries: { retries: 4, minTimeout: 100, maxTimeout: 500 },
      });
      return { [Symbol.asyncDispose]: () => release() };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      if (!waiting) onWait?.();
      waiting = true;
    }
  }
}

/** Whether a file or folder exists (and its parent may be searched). */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * The folder `path` of a content-addressed store. If it does not exist, `fill` makes it under a lock, and it appears by rename when
 * it is complete. `cached`: it existed. One that is not sound by `isSound` is removed with `discard` and made again. Throws what
 * `fill` throws, or the abort reason.
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
  const { isSound = async () => true, discard } = options;
  if ((await exists(path)) && (await isSound())) return { dir: path, cached: true };
  await using _lock = await lock(`${path}.lock.d`, options.signal, options.onWait);
  if (await exists(path)) {
    // Another ringlab may have made it again meanwhile.
    if (await isSound()) return { dir: path, cached: true };
    await discard?.();
  }
  await makeFolder(path, fill);
  return { dir: path, cached: false };
}
