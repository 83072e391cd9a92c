import { cp, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { customizeRoot } from './customize.ts';
import { checkLibraries } from './libraries.ts';
import { addNode } from './node.ts';
import { type PackageVersion, unpackPackages } from './packages.ts';
import type { Recipe } from './recipe.ts';
import { makeSnapshots } from './snapshot.ts';

/** Compiles the recipe's programs: static, so that they start without a loader, and with warnings as errors, since no log is shown. */
async function compilePrograms({ programs }: Recipe, root: string, ctx: StageContext): Promise<void> {
  const flags = ['-std=gnu17', '-O2', '-static', '-s', '-Wall', '-Wextra', '-Werror'];
  for (const { target, sources } of programs) {
    const path = join(root, target);
    await mkdir(dirname(path), { recursive: true });
    await run('gcc', [...flags, '-o', path, ...sources], { signal: ctx.signal });
  }
}

/** What goes into a root folder. */
export interface RootContents {
  recipe: Recipe;
  packages: readonly PackageVersion[];
  /** Whether to make the recipe's snapshots. */
  snapshots: boolean;
}

/**
 * Fills the new folder `root` with a guest's root file system; `work` is an existing folder for temporary files. Throws InputError
 * for missing libraries and failing `customize` steps, LabError when another tool fails, or the abort reason.
 */
export async function makeRoot(
  { recipe, packages, snapshots }: RootContents,
  root: string,
  work: string,
  ctx: StageContext,
): Promise<void> {
  await mkdir(root, { recursive: true });
  await unpackPackages(packages, root, work, ctx);
  await Promise.all(recipe.drop.map((path) => rm(join(root, path), { recursive: true, force: true })));
  if (recipe.node) await addNode(root, ctx);
  await checkLibraries(root, recipe.name, ctx);
  await compilePrograms(recipe, root, ctx);
  for (const folder of recipe.folders) await mkdir(join(root, folder), { recursive: true });
  await cp(recipe.overlay, root, { recursive: true });
  await customizeRoot(recipe, root, ctx);
  if (snapshots) await makeSnapshots(recipe, root, ctx);
  // Independent of the umask here and at checkout: dropbear refuses keys in folders that others may write.
  await run('chmod', ['-R', 'u+rwX,go+rX,go-w', root], { signal: ctx.signal });
}
