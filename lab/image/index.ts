import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder } from '../core/cache.ts';
import { hashFile, hashOf } from '../core/hash.ts';
import { projectRoot } from '../core/paths.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import type { Image } from '../model/machine.ts';
import { IMAGE_FILE, imageFolder } from './find.ts';
import { nodeProgram } from './node.ts';
import { type PackageVersion, resolvePackages } from './packages.ts';
import { loadRecipe, type Recipe } from './recipe.ts';
import { makeRoot } from './rootfs.ts';
import { canSnapshot } from './snapshot.ts';
import { needTools } from './tools.ts';

export { findImage } from './find.ts';

/** Raised when the way an image is made changes, so that no old one is taken for it. */
const FORMAT = '4';
const NO_UUID = '00000000-0000-0000-0000-000000000000';

/** Everything that the image is made from: equal keys, equal images. */
function keyOf(
  recipe: Recipe,
  packages: readonly PackageVersion[],
  node: string,
  snapshots: boolean,
): string {
  const versions = packages.flatMap(({ file, hash }) => [file, hash]);
  return hashOf(FORMAT, recipe.hash, node, String(snapshots), ...versions).slice(0, 32);
}

/** Bit-identical for an equal folder; uncompressed, because unpacking costs an emulated CPU more than reading. */
async function makeErofs(root: string, file: string, ctx: StageContext): Promise<void> {
  const fixed = ['-T0', `-U${NO_UUID}`, '--all-root', '-x-1'];
  await run('mkfs.erofs', ['--quiet', ...fixed, file, root], { signal: ctx.signal });
}

/**
 * The image of `images/<recipe>`, from the cache when nothing that it is made from has changed. Throws InputError for an unknown
 * recipe, unknown package, missing library or missing tool.
 */
export async function ensureImage(
  recipe: string,
  ctx: StageContext,
  imagesDir = join(projectRoot, 'images'),
): Promise<Image> {
  await needTools();
  const loaded = await loadRecipe(recipe, imagesDir);
  const [packages, node, snapshots] = await Promise.all([
    resolvePackages(loaded.packages, ctx),
    loaded.node ? nodeProgram().then(hashFile) : '',
    canSnapshot(loaded),
  ]);
  const key = keyOf(loaded, packages, node, snapshots);
  const path = imageFolder(key);
  const { cached } = await ensureFolder(
    path,
    async (dir) => {
      ctx.emit({ type: 'image.start', recipe, packages: packages.length });
      const work = join(dir, 'work');
      await makeRoot(loaded, packages, snapshots, join(work, 'root'), work, ctx);
      await makeErofs(join(work, 'root'), join(dir, IMAGE_FILE), ctx);
      await rm(work, { recursive: true });
    },
    { signal: ctx.signal, onWait: () => ctx.emit({ type: 'lock.wait', for: 'image', subject: recipe }) },
  );
  if (!cached) ctx.emit({ type: 'image.end', recipe, key });
  return { recipe, key, path: join(path, IMAGE_FILE) };
}
