import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import lockfile from 'proper-lockfile';
import { makeFolder } from './atomic.ts';

/**
 * Root of everything that can be made again: `$RINGLAB_CACHE`, else `$XDG_CACHE_HOME/ringlab`, else `~/.cache/ringlab`.
 */
export function cacheRoot(): string {
  const { RINGLAB_CACHE, XDG_CACHE_HOME } = process.env;
  if (RINGLAB_CACHE) return RINGLAB_CACHE;
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'ringlab');
}

/**
 * Takes the lock named by a folder (made if missing), waiting for another ringlab that holds it. A holder that was killed
 * is noticed after 10 s (its lock is no longer refreshed). Throws the abort reason when `signal` fires.
 */
export async function lock(
  folder: string,
  signal?: AbortSignal,
  onWait?: () => void,
): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true });
  for (let told = false; ; ) {
    signal?.throwIfAborted();
    try {
      // Retried here rather than by the library, so that a wait can be told of and aborted.
      const release = await lockfile.lock(folder, {
        stale: 10_000,
        update: 2_000,
        retries: { retries: 4, minTimeout: 100, maxTimeout: 500 },
      });
      return { [Symbol.asyncDispose]: () => release() };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      if (!told) onWait?.();
      told = true;
    }
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * The folder `path` of a content-addressed store: returned as it is when there, else made by `fill` under a lock and put
 * in place by rename. `cached` says which it was.
 */
export async function ensureFolder(
  path: string,
  fill: (dir: string) => Promise<void>,
  options: { signal?: AbortSignal; onWait?: () => void } = {},
): Promise<{ dir: string; cached: boolean }> {
  if (await exists(path)) return { dir: path, cached: true };
  await using _held = await lock(`${path}.lock.d`, options.signal, options.onWait);
  if (await exists(path)) return { dir: path, cached: true };
  await makeFolder(path, fill);
  return { dir: path, cached: false };
}
