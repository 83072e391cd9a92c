import type { Stats } from 'node:fs';
import { lstat, mkdir, realpath, rename, rm, utimes } from 'node:fs/promises';
import lockfile from 'proper-lockfile';
import { LabError } from './errors.ts';
import { pending } from './pending.ts';

/** Age at which a lock that its holder no longer refreshes expires, ms. */
const STALE_MS = 10_000;

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? '';

/** Undefined where there is nothing. */
const entryAt = (path: string): Promise<Stats | undefined> =>
  lstat(path).catch((error) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });

/** Removes what is no folder, which no ringlab leaves at the place of one, and makes the folder. */
async function makeLockable(folder: string): Promise<void> {
  const entry = await entryAt(folder);
  if (entry && !entry.isDirectory()) await rm(folder, { force: true });
  await mkdir(folder, { recursive: true });
}

/** Removes a lock that its library cannot: it is no folder, or not empty. By rename, since another ringlab may be doing the same. */
async function removeDamaged(path: string): Promise<void> {
  const aside = `${path}.${process.pid}.damaged.tmp`;
  await rename(path, aside).catch((error) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
  await rm(aside, { recursive: true, force: true });
}

/** Sees to it that a lock which is held expires: it is a folder, and its time is not in the future, as after a wrong clock. */
async function letExpire(path: string): Promise<void> {
  const entry = await entryAt(path);
  const now = new Date();
  if (!entry) return;
  if (!entry.isDirectory()) await removeDamaged(path);
  else if (entry.mtimeMs > now.getTime() + STALE_MS) await utimes(path, now, now).catch(() => {});
}

/** Thrown out of a timer of the library, so that what uses the folder stops at once. */
function compromised(folder: string): never {
  throw new LabError(
    `the lock of ${folder} was lost: something removed it, or this process stood still for ${STALE_MS / 1000} s and another took it`,
  );
}

/**
 * Takes the lock of a folder, which is created if missing. Waits for another ringlab that holds it, after a call of `onWait`. The
 * lock of a killed holder expires after 10 s, because it is no longer refreshed; a damaged lock is removed. Throws the abort reason
 * when `signal` fires.
 *
 * @example
 * await using _lock = await lock(folder, signal, () => emit({ type: 'lock.wait', for: 'build', subject }));
 */
export async function lock(
  folder: string,
  signal?: AbortSignal,
  onWait?: () => void,
): Promise<AsyncDisposable> {
  await makeLockable(folder);
  const path = `${await realpath(folder)}.lock`;
  for (let waiting = false; ; ) {
    signal?.throwIfAborted();
    try {
      // Retried in this loop rather than by the library, so that a wait is reported and can be aborted.
      const release = await lockfile.lock(folder, {
        stale: STALE_MS,
        update: 2_000,
        retries: { retries: 4, minTimeout: 100, maxTimeout: 500 },
        onCompromised: () => compromised(folder),
      });
      const held = pending(`lock of ${folder}`);
      return {
        [Symbol.asyncDispose]: async () => {
          await release();
          held[Symbol.dispose]();
        },
      };
    } catch (error) {
      if (['ENOTEMPTY', 'ENOTDIR', 'EEXIST'].includes(codeOf(error))) await removeDamaged(path);
      else if (codeOf(error) !== 'ELOCKED') throw error;
      else {
        await letExpire(path);
        if (!waiting) onWait?.();
        waiting = true;
      }
    }
  }
}
