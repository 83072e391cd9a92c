import { join } from 'node:path';
import { exists } from '../core/cache.ts';
import type { StoredKernel } from '../model/kernel.ts';
import { storeFolder } from './store.ts';

/** The stored kernel of a build key; undefined when the store does not have it. */
export async function findKernel(key: string): Promise<StoredKernel | undefined> {
  const dir = storeFolder(key);
  if (!(await exists(join(dir, 'build.json')))) return undefined;
  return { key, dir, vmlinux: join(dir, 'vmlinux'), uapi: join(dir, 'uapi.json') };
}
