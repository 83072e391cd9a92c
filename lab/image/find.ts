import { join } from 'node:path';
import { cacheRoot, isPresent } from '../core/cache.ts';
import { LabError } from '../core/errors.ts';
import { damageOf } from '../core/seal.ts';
import type { Image } from '../model/machine.ts';

/** Folder of an image in the cache. */
export const imageFolder = (key: string): string => join(cacheRoot(), 'images', key);

/** The file of the root file system in that folder. */
export const IMAGE_FILE = 'root.erofs';

/**
 * The cached image of a key; undefined when the cache does not have it. Throws LabError when it is damaged: a guest that does not boot
 * from it would look like a fault of its kernel.
 */
export async function findImage({ recipe, key }: Pick<Image, 'recipe' | 'key'>): Promise<Image | undefined> {
  const folder = imageFolder(key);
  if (!(await isPresent(folder))) return undefined;
  const damage = await damageOf(folder);
  if (damage === undefined) return { recipe, key, path: join(folder, IMAGE_FILE) };
  throw new LabError(
    `the image ${recipe} ${key} of the cache is damaged: ${damage}\n  fix: run any suite without --cell, which makes it again`,
  );
}
