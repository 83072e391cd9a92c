import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, ensureFolder } from '../core/cache.ts';
import { InputError, LabError } from '../core/errors.ts';
import { hashFile, hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import type { Image } from '../model/machine.ts';
import { type PackageVersion, resolvePackages } from './packages.ts';
import { loadRecipe, type Recipe } from './recipe.ts';
import { makeRoot } from './rootfs.ts';

/** Raised when the way an image is made changes, so that no old one is taken for it. */
const FORMAT = '1';
const NO_UUID = '00000000-0000-0000-0000-000000000000';

const TOOLS = [
  { command: 'mkfs.erofs', args: ['--help'], package: 'erofs-utils' },
  { command: 'strip', args: ['--version'], package: 'binutils' },
  { command: 'apt-get', args: ['--version'], package: 'apt' },
  { command: 'dpkg-deb', args: ['--version'], package: 'dpkg' },
];

/** Throws one InputError with every tool that is missing and the command that brings it. */
async function needTools(ctx: StageContext): Promise<void> {
  const problems = await Promise.all(
    TOOLS.map(async ({ command, args, package: name }) => {
      const missing = await run(command, args, { accept: 'any', signal: ctx.signal }).then(
        () => false,
        (error: unknown) => {
          if (error instanceof LabError && /command not found/.test(error.message)) return true;
          throw error;
        },
      );
      const mend = `apt-get install ${name} (as root)`;
      return missing ? [{ what: `guest images need ${command}`, mend }] : [];
    }),
  );
  if (problems.flat().length > 0) throw new InputError(problems.flat());
}

/** Everything that the image is made from: equal keys, equal images. */
async function keyOf(recipe: Recipe, packages: readonly PackageVersion[]): Promise<string> {
  const node = recipe.node ? await hashFile(await realpath(process.execPath)) : '';
  return hashOf(FORMAT, recipe.hash, node, ...packages.flatMap(({ file, hash }) => [file, hash])).slice(
    0,
    32,
  );
}

/** Bit-identical for an equal folder; uncompressed, because unpacking costs an emulated CPU more than reading. */
async function makeErofs(root: string, file: string, ctx: StageContext): Promise<void> {
  const fixed = ['-T0', `-U${NO_UUID}`, '--all-root', '-x-1'];
  await run('mkfs.erofs', ['--quiet', ...fixed, file, root], { signal: ctx.signal });
}

/**
 * The image of `images/<recipe>`, from the cache when nothing that it is made from has changed. Throws InputError for an unknown
 * recipe, unknown package or missing tool.
 */
export async function ensureImage(recipe: string, ctx: StageContext): Promise<Image> {
  await needTools(ctx);
  const loaded = await loadRecipe(recipe);
  const packages = await resolvePackages(loaded.packages, ctx);
  const key = await keyOf(loaded, packages);
  const path = join(cacheRoot(), 'images', key);
  const tell = (kind: 'start' | 'end', text: string) =>
    ctx.emit({ stage: 'image', subject: recipe, kind, text });
  let made = false;
  await ensureFolder(
    path,
    async (dir) => {
      made = true;
      tell('start', `${packages.length} packages`);
      const work = join(dir, 'work');
      await makeRoot(loaded, packages, join(work, 'root'), work, ctx);
      await makeErofs(join(work, 'root'), join(dir, 'root.erofs'), ctx);
      await rm(work, { recursive: true });
    },
    { signal: ctx.signal },
  );
  if (made) tell('end', path);
  return { recipe, key, path: join(path, 'root.erofs') };
}
