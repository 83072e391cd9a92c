import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile, hashOf } from '../core/hash.ts';
import { projectRoot } from '../core/paths.ts';
import { run } from '../core/process.ts';
import { ensureSealed } from '../core/seal.ts';
import type { StageContext } from '../model/event.ts';
import type { Image } from '../model/machine.ts';
import { resolveAdded } from './dependencies.ts';
import { IMAGE_FILE, imageFolder } from './find.ts';
import { nodeProgram } from './node.ts';
import { resolvePackages } from './packages.ts';
import { listPrograms } from './provided.ts';
import { loadRecipe } from './recipe.ts';
import { makeRoot, type RootContents } from './rootfs.ts';
import { canSnapshot } from './snapshot.ts';
import { checkTools } from './tools.ts';

export { findImage } from './find.ts';
export { providedBy } from './provided.ts';

/** Part of every key. Raised when images are made differently from the same recipe. */
const FORMAT = '8';
const NO_UUID = '00000000-0000-0000-0000-000000000000';

/** Which image. */
export interface ImageRequest {
  /** Name of a recipe under `images/`, or the path of a folder with one. */
  recipe: string;
  /** Debian packages to add, with what they depend on. */
  packages?: readonly string[] | undefined;
  /** Where the packages come from, for messages: an option or a file. */
  where?: string | undefined;
}

/** Content key: images with equal keys are equal. `node` is the hash of the node binary, '' without one. */
function keyOf({ recipe, packages, added, snapshots }: RootContents, node: string): string {
  const versions = packages.flatMap(({ file, hash }) => [file, hash]);
  const more = added.length > 0 ? ['added', ...added.flatMap(({ file, hash }) => [file, hash])] : [];
  return hashOf(FORMAT, recipe.hash, node, String(snapshots), ...versions, ...more).slice(0, 32);
}

const WHERE = '--packages';

/** Recipe and packages of a request. Throws InputError with every problem of both. */
async function resolveContents(
  { recipe, packages = [], where = WHERE }: ImageRequest,
  ctx: StageContext,
  imagesDir: string,
): Promise<RootContents> {
  const loaded = await loadRecipe(recipe, imagesDir);
  const names = [...loaded.install, ...packages];
  const [own, added, snapshots] = await Promise.all([
    resolvePackages(loaded.packages, ctx),
    resolveAdded(names, loaded.packages, packages.length > 0 ? where : loaded.file, ctx),
    canSnapshot(loaded),
  ]);
  return { recipe: loaded, packages: own, added, snapshots };
}

/**
 * Checks a request without making an image: the recipe is read, and apt is asked for the packages. Returns the names of all packages
 * that the image would have. Throws InputError for an unknown or malformed recipe, unknown packages, or packages that do not fit one another.
 */
export async function checkImage(
  request: ImageRequest,
  ctx: StageContext,
  imagesDir = join(projectRoot, 'images'),
): Promise<string[]> {
  checkTools();
  const { packages, added } = await resolveContents(request, ctx, imagesDir);
  return [...packages, ...added].map(({ name }) => name);
}

/** Makes an erofs image, bit-identical for equal folders. Uncompressed: decompression costs an emulated CPU more than reading. */
async function makeErofs(root: string, file: string, ctx: StageContext): Promise<void> {
  const fixed = ['-T0', `-U${NO_UUID}`, '--all-root', '-x-1'];
  await run('mkfs.erofs', ['--quiet', ...fixed, file, root], { signal: ctx.signal });
}

/**
 * The image of a recipe with packages added, from the cache when nothing that it is made from has changed. Throws InputError for an unknown
 * or malformed recipe, an unknown package, packages that do not fit one another, a missing library or tool, or a `customize` step that
 * fails; LabError when another tool fails; the abort reason.
 */
export async function ensureImage(
  wanted: string | ImageRequest,
  ctx: StageContext,
  imagesDir = join(projectRoot, 'images'),
): Promise<Image> {
  checkTools();
  const request = typeof wanted === 'string' ? { recipe: wanted } : wanted;
  const contents = await resolveContents(request, ctx, imagesDir);
  const { name: recipe, node } = contents.recipe;
  const key = keyOf(contents, node ? await hashFile(await nodeProgram()) : '');
  const path = imageFolder(key);
  const { cached } = await ensureSealed(
    path,
    async (dir) => {
      const packages = contents.packages.length + contents.added.length;
      ctx.emit({ type: 'image.start', recipe, packages });
      const work = join(dir, 'work');
      await makeRoot(contents, join(work, 'root'), work, request.where ?? WHERE, ctx);
      await makeErofs(join(work, 'root'), join(dir, IMAGE_FILE), ctx);
      await listPrograms(join(work, 'root'), dir);
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
