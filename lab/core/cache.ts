import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import lockfile from 'proper-lockfile';
import { makeFolder } from './atomic.ts';

/** Folder of the cache: `$RINGLAB_CACHE`, else `$XDG_CACHE_HOME/ringlab`, else `~/.cache/ringlab`. */
export function cacheRoot(): string {
  const { RINGLAB_CACHE, XDG_CACHE_HOME } = process.env;
  if (RINGLAB_CACHE) return RINGLAB_CACHE;
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'ringlab');
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
 * it is complete. `cached`: it existed. Throws what `fill` throws, or the abort reason.
 */
export async function ensureFolder(
  path: string,
  fill: (dir: string) => Promise<void>,
  options: { signal?: AbortSignal; onWait?: () => void } = {},
): Promise<{ dir: string; cached: boolean }> {
  if (await exists(path)) return { dir: path, cached: true };
  await using _lock = await lock(`${path}.lock.d`, options.signal, options.onWait);
  if (await exists(path)) return { dir: path, cached: true };
  await makeFolder(path, fill);
  return { dir: path, cached: false };
}
