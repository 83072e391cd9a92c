import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { hashFile } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { examinePath } from './check.ts';
import { ask } from './git.ts';
import { fromGitTree } from './git-tree.ts';
import { type Located, locate, type SourceRef } from './names.ts';
import { downloadedPackage } from './packages.ts';
import { fromFolder, fromTarball, withRepair } from './snapshot.ts';
import { downloadedTarball } from './url.ts';

/** Version of an installed Debian package; undefined when it is not installed, or without dpkg. */
async function packageVersion(name: string, signal: AbortSignal): Promise<string | undefined> {
  if (!(await exists('/usr/bin/dpkg-query'))) return undefined;
  const args = ['--show', `--showformat=\${db:Status-Abbrev}\${Version}`, '--', name];
  const { code, stdout } = await run('dpkg-query', args, { signal, accept: 'any' });
  return code === 0 && stdout.startsWith('ii ') ? stdout.slice(3).trim() : undefined;
}

/** The tarball of an installed package, with its version where dpkg knows it; undefined when the package is not installed. */
export async function installedPackage(
  packageName: string,
  signal: AbortSignal,
): Promise<{ tarball: string; version: string | undefined } | undefined> {
  const tarball = `/usr/src/${packageName}.tar.xz`;
  if (!(await exists(tarball))) return undefined;
  return { tarball, version: await packageVersion(packageName, signal) };
}

/** An installed package; of a suite also one that is not installed. */
async function fromPackage(
  { name, package: packageName, suite }: Located<'package'>,
  ctx: StageContext,
): Promise<SourceTree> {
  const download = async () => {
    if (suite !== undefined) return downloadedPackage({ name, package: packageName, suite }, ctx);
    throw new InputError({
      what: `the package ${packageName} is not installed`,
      where: `kernel ${name}`,
      expected: `/usr/src/${packageName}.tar.xz`,
      fix: `sudo apt-get install ${packageName}`,
    });
  };
  const { tarball, version } = (await installedPackage(packageName, ctx.signal)) ?? (await download());
  return fromTarball(name, tarball, version && `${packageName} ${version}`, ctx);
}

async function fromPath({ name, path, revision, sha256 }: Located<'path'>, ctx: StageContext) {
  const { folder, gitDir } = await examinePath(path, revision, ctx.signal);
  if (sha256 === undefined) {
    if (gitDir !== undefined) return fromGitTree(name, path, gitDir, revision, ctx);
    return folder ? fromFolder(name, path, ctx) : fromTarball(name, path, undefined, ctx);
  }
  const actual = folder ? 'none, it is a folder' : await hashFile(path, ctx.signal);
  if (actual === sha256) return fromTarball(name, path, sha256, ctx);
  throw new InputError({
    what: `the tarball of the kernel ${name} has changed: its SHA-256 is ${actual}`,
    where: path,
    expected: sha256,
    fix: 'put the right file in its place, or add the source again',
  });
}

async function fromUrl({ name, url, sha256 }: Located<'url'>, ctx: StageContext): Promise<SourceTree> {
  return fromTarball(name, await downloadedTarball({ name, url, sha256 }, ctx), sha256, ctx);
}

/** The tree, if it has the files of a kernel at its top; throws InputError otherwise. */
async function checkKernel(tree: SourceTree, where: string, ctx: StageContext): Promise<SourceTree> {
  const { gitDir } = tree;
  const args = ['ls-tree', '--name-only', tree.tree, 'Kconfig', 'Makefile'];
  const files = await ask(args, { gitDir, signal: ctx.signal });
  if (files === 'Kconfig\nMakefile') return tree;
  throw new InputError({
    what: 'this is no kernel tree',
    where,
    expected: 'Makefile and Kconfig at its top',
  });
}

/**
 * The source tree of a reference, as a commit in a repository of the cache. Throws InputError as `checkSource`, and for a missing
 * package (with the command that installs it), a damaged tarball or one with another hash, or a path that holds no kernel. What has to be
 * downloaded is, once: throws as `downloadedPackage` and `downloadedTarball`. A damaged repository of the cache is made again, with a note.
 */
export async function resolveSource(ref: SourceRef, ctx: StageContext): Promise<SourceTree> {
  const location = await locate(ref);
  return withRepair(async () => {
    const tree =
      'package' in location
        ? await fromPackage(location, ctx)
        : 'url' in location
          ? await fromUrl(location, ctx)
          : await fromPath(location, ctx);
    return checkKernel(tree, location.where, ctx);
  }, ctx);
}
