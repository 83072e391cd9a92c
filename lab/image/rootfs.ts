import { cp, mkdir, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { exists } from '../core/cache.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { checkLibraries } from './libraries.ts';
import { addNode } from './node.ts';
import { type PackageVersion, unpackPackages } from './packages.ts';
import type { Recipe } from './recipe.ts';
import { makeSnapshots } from './snapshot.ts';

/** Names busybox's commands, where no package has brought the real one. */
async function linkBusybox(root: string, ctx: StageContext): Promise<void> {
  const busybox = join(root, 'bin/busybox');
  if (!(await exists(busybox))) return;
  const { stdout } = await run(busybox, ['--list-full'], { signal: ctx.signal });
  for (const applet of stdout.split('\n').filter((line) => line !== '')) {
    const path = join(root, applet);
    if ((await exists(path)) || basename(path) === 'busybox') continue;
    await mkdir(dirname(path), { recursive: true });
    await symlink('/bin/busybox', path);
  }
}

/** Programs of the recipe's own; static, so that none of them waits for a loader. Warnings are errors: nobody reads them. */
async function compilePrograms({ programs }: Recipe, root: string, ctx: StageContext): Promise<void> {
  const flags = ['-std=gnu17', '-O2', '-static', '-s', '-Wall', '-Wextra', '-Werror'];
  for (const { target, sources } of programs) {
    const path = join(root, target);
    await mkdir(dirname(path), { recursive: true });
    await run('gcc', [...flags, '-o', path, ...sources], { signal: ctx.signal });
  }
}

/** Makes the guest's root folder at `root`; `work` is for what is needed on the way. */
export async function makeRoot(
  recipe: Recipe,
  packages: readonly PackageVersion[],
  snapshots: boolean,
  root: string,
  work: string,
  ctx: StageContext,
): Promise<void> {
  await mkdir(root, { recursive: true });
  await unpackPackages(packages, root, work, ctx);
  await Promise.all(recipe.drop.map((path) => rm(join(root, path), { recursive: true, force: true })));
  if (recipe.node) await addNode(root, ctx);
  await checkLibraries(root, recipe.name, ctx);
  await linkBusybox(root, ctx);
  await compilePrograms(recipe, root, ctx);
  for (const folder of recipe.folders) await mkdir(join(root, folder), { recursive: true });
  await cp(recipe.overlay, root, { recursive: true });
  if (snapshots) await makeSnapshots(recipe, root, ctx);
  // Whatever the umask was here and when the project was checked out: sshd refuses keys in folders that others may write.
  await run('chmod', ['-R', 'u+rwX,go+rX,go-w', root], { signal: ctx.signal });
}
