import { join } from 'node:path';
import { cacheRoot, exists } from '../core/cache.ts';
import type { Image } from '../model/machine.ts';

/** Folder of an image in the cache. */
export const imageFolder = (key: string): string => join(cacheRoot(), 'images', key);

/** The file of the root file system in that folder. */
export const IMAGE_FILE = 'root.erofs';

/** The cached image of a key; undefined when the cache does not have it. */
export async function findImage({ recipe, key }: Pick<Image, 'recipe' | 'key'>): Promise<Image | undefined> {
  const path = join(imageFolder(key), IMAGE_FILE);
  return (await exists(path)) ? { recipe, key, path } : undefined;
}
