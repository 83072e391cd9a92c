import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { examinePath } from './check.ts';
import { ask } from './git.ts';
import { fromGitTree } from './git-tree.ts';
import { locate, type SourceRef } from './names.ts';
import { fromFolder, fromTarball, withRepair } from './snapshot.ts';

/** Version of an installed Debian package; undefined when it is not installed, or without dpkg. */
async function packageVersion(name: string, signal: AbortSignal): Promise<string | undefined> {
  if (!(await exists('/usr/bin/dpkg-query'))) return undefined;
  const args = ['--show', `--showformat=\${db:Status-Abbrev}\${Version}`, '--', name];
  const { code, stdout } = await run('dpkg-query', args, { signal, accept: 'any' });
  return code === 0 && stdout.startsWith('ii ') ? stdout.slice(3).trim() : undefined;
}

async function fromPackage(name: string, packageName: string, ctx: StageContext): Promise<SourceTree> {
  const tarball = `/usr/src/${packageName}.tar.xz`;
  if (!/^[a-z0-9][a-z0-9.+-]+$/.test(packageName) || !(await exists(tarball))) {
    throw new InputError({
      what: `the package ${packageName} is not installed`,
      where: `kernel ${name}`,
      expected: tarball,
      fix: `sudo apt-get install ${packageName}`,
    });
  }
  const version = await packageVersion(packageName, ctx.signal);
  return fromTarball(name, tarball, version && `${packageName} ${version}`, ctx);
}

async function fromPath(name: string, path: string, revision: string | undefined, ctx: StageContext) {
  const { folder, gitDir } = await examinePath(path, revision, ctx.signal);
  if (gitDir !== undefined) return fromGitTree(name, path, gitDir, revision, ctx);
  return folder ? fromFolder(name, path, ctx) : fromTarball(name, path, undefined, ctx);
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
 * package (with the command that installs it), a damaged tarball, or a path that holds no kernel. A damaged repository of the cache is
 * made again, with a note.
 */
export async function resolveSource(ref: SourceRef, ctx: StageContext): Promise<SourceTree> {
  const location = await locate(ref);
  return withRepair(async () => {
    const tree =
      'package' in location
        ? await fromPackage(location.name, location.package, ctx)
        : await fromPath(location.name, location.path, location.revision, ctx);
    return checkKernel(tree, location.where, ctx);
  }, ctx);
}
