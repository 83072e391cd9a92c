import { chmod, cp, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { customizeRoot } from './customize.ts';
import { checkLibraries } from './libraries.ts';
import { addNode } from './node.ts';
import type { PackageVersion } from './package-list.ts';
import type { Recipe } from './recipe.ts';
import { makeSnapshots } from './snapshot.ts';
import { addPackages, downloadPackages, unpackPackages } from './unpack.ts';
import { mergedPath, mergeUsr } from './usrmerge.ts';

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/** Compiles the recipe's programs: static, so that they start without a loader, and with warnings as errors, since no log is shown. */
async function compilePrograms({ programs }: Recipe, root: string, ctx: StageContext): Promise<void> {
  const flags = ['-std=gnu17', '-O2', '-static', '-s', '-Wall', '-Wextra', '-Werror'];
  for (const { target, sources } of programs) {
    const path = join(root, target);
    await mkdir(dirname(path), { recursive: true });
    await run('gcc', [...flags, '-o', path, ...sources], { signal: ctx.signal });
  }
}

/** Copies the overlay's files over those of the root. One below /bin or /lib goes where these links lead. */
async function copyOverlays({ overlays }: Recipe, root: string): Promise<void> {
  for (const overlay of overlays)
    for (const name of await readdir(overlay))
      await cp(join(overlay, name), join(root, mergedPath(name)), { recursive: true });
}

/** Folders in which every user may create files, and remove only their own. */
const SHARED = ['tmp', 'var/tmp'];

/** Modes independent of the umask here and at checkout: dropbear refuses keys in folders that others may write. */
async function setModes(root: string, ctx: StageContext): Promise<void> {
  await run('chmod', ['-R', 'u+rwX,go+rX,go-w', root], { signal: ctx.signal });
  for (const folder of SHARED) await chmod(join(root, folder), 0o1777).catch(ignoreMissing);
}

/** What goes into a root folder. */
export interface RootContents {
  recipe: Recipe;
  packages: readonly PackageVersion[];
  /** Packages that were named beside the recipe's, with what they depend on. */
  added: readonly PackageVersion[];
  /** Whether to make the recipe's snapshots. */
  snapshots: boolean;
}

/** Files of added packages that no test reads. */
const UNREAD = ['usr/share/info', 'usr/share/lintian', 'usr/share/locale', 'usr/share/man'];

const removeAll = (root: string, paths: readonly string[]) =>
  Promise.all(paths.map((path) => rm(join(root, path), { recursive: true, force: true })));

/**
 * Fills the new folder `root` with a guest's root file system; `work` is an existing folder for temporary files. Of files with equal
 * paths the recipe's win over added packages, and these over the recipe's packages. Throws InputError for missing libraries, packages that do
 * not fit one another (`where`: where the added ones come from) and failing `customize` steps, LabError when another tool fails, or
 * the abort reason.
 */
export async function makeRoot(
  { recipe, packages, added, snapshots }: RootContents,
  root: string,
  work: string,
  where: string,
  ctx: StageContext,
): Promise<void> {
  await mkdir(root, { recursive: true });
  const [debs, addedDebs] = [join(work, 'debs'), join(work, 'added')];
  await Promise.all([downloadPackages(packages, debs, ctx), downloadPackages(added, addedDebs, ctx)]);
  await unpackPackages(debs, root, ctx);
  await removeAll(root, recipe.drop);
  await mergeUsr(root);
  await checkLibraries(root, recipe.name, ctx);
  await addPackages(addedDebs, root, where, ctx);
  await removeAll(root, UNREAD);
  if (recipe.node) await addNode(root, ctx);
  await compilePrograms(recipe, root, ctx);
  for (const folder of recipe.folders) await mkdir(join(root, folder), { recursive: true });
  await copyOverlays(recipe, root);
  await customizeRoot(recipe, root, ctx);
  if (snapshots) await makeSnapshots(recipe, root, ctx);
  await setModes(root, ctx);
}
