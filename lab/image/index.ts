import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile, hashOf } from '../core/hash.ts';
import { projectRoot } from '../core/paths.ts';
import { run } from '../core/process.ts';
import { ensureSealed } from '../core/seal.ts';
import type { StageContext } from '../model/event.ts';
import type { Image } from '../model/machine.ts';
import { IMAGE_FILE, imageFolder } from './find.ts';
import { nodeProgram } from './node.ts';
import { resolvePackages } from './packages.ts';
import { loadRecipe } from './recipe.ts';
import { makeRoot, type RootContents } from './rootfs.ts';
import { canSnapshot } from './snapshot.ts';
import { checkTools } from './tools.ts';

export { findImage } from './find.ts';

/** Part of every key. Raised when images are made differently from the same recipe. */
const FORMAT = '6';
const NO_UUID = '00000000-0000-0000-0000-000000000000';

/** Content key: images with equal keys are equal. `node` is the hash of the node binary, '' without one. */
function keyOf({ recipe, packages, snapshots }: RootContents, node: string): string {
  const versions = packages.flatMap(({ file, hash }) => [file, hash]);
  return hashOf(FORMAT, recipe.hash, node, String(snapshots), ...versions).slice(0, 32);
}

/** Makes an erofs image, bit-identical for equal folders. Uncompressed: decompression costs an emulated CPU more than reading. */
async function makeErofs(root: string, file: string, ctx: StageContext): Promise<void> {
  const fixed = ['-T0', `-U${NO_UUID}`, '--all-root', '-x-1'];
  await run('mkfs.erofs', ['--quiet', ...fixed, file, root], { signal: ctx.signal });
}

/**
 * The image of `images/<recipe>`, from the cache when nothing that it is made from has changed. Throws InputError for an unknown
 * or malformed recipe, an unknown package, a missing library or tool, or a `customize` step that fails; LabError when another
 * tool fails; the abort reason.
 */
export async function ensureImage(
  recipe: string,
  ctx: StageContext,
  imagesDir = join(projectRoot, 'images'),
): Promise<Image> {
  checkTools();
  const loaded = await loadRecipe(recipe, imagesDir);
  const [packages, node, snapshots] = await Promise.all([
    resolvePackages(loaded.packages, ctx),
    loaded.node ? nodeProgram().then(hashFile) : '',
    canSnapshot(loaded),
  ]);
  const contents: RootContents = { recipe: loaded, packages, snapshots };
  const key = keyOf(contents, node);
  const path = imageFolder(key);
  const { cached } = await ensureSealed(
    path,
    async (dir) => {
      ctx.emit({ type: 'image.start', recipe, packages: packages.length });
      const work = join(dir, 'work');
      await makeRoot(contents, join(work, 'root'), work, ctx);
      await makeErofs(join(work, 'root'), join(dir, IMAGE_FILE), ctx);
      await rm(work, { recursive: true });
    },
    {
      signal: ctx.signal,
      onWait: () => ctx.emit({ type: 'lock.wait', for: 'image', subject: recipe }),
      onDamage: (damage) =>
        ctx.emit({ type: 'note', note: { code: 'cache.damaged', subject: `images/${key}`, damage } }),
    },
  );
  if (!cached) ctx.emit({ type: 'image.end', recipe, key });
  return { recipe, key, path: join(path, IMAGE_FILE) };
}
