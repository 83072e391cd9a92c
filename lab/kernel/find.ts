import { join } from 'node:path';
import { exists } from '../core/cache.ts';
import { LabError } from '../core/errors.ts';
import type { StoredKernel } from '../model/kernel.ts';
import { readEntry, storeFolder } from './store.ts';

/** The stored kernel of a build key; undefined when the store does not have it. Throws LabError when a file of it is damaged. */
export async function findKernel(key: string): Promise<StoredKernel | undefined> {
  const entry = await readEntry(key);
  if (entry.state === 'damaged')
    throw new LabError(
      `kernels/${key} in the cache is damaged: ${entry.reason}; the next build makes it again`,
    );
  if (entry.state !== 'stored') return undefined;
  const dir = storeFolder(key);
  const modules = join(dir, 'modules');
  return {
    ...{ key, dir, vmlinux: join(dir, 'vmlinux'), uapi: join(dir, 'uapi.json') },
    ...((await exists(modules)) ? { modules } : {}),
  };
}
