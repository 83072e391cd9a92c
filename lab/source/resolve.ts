import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { KernelSource, type SourceTree } from '../model/kernel.ts';
import { parseYaml } from '../model/parse.ts';
import { ask, git } from './git.ts';
import { fromGitTree } from './git-tree.ts';
import { fromFolder, fromTarball, gitFolderOf, statOf } from './snapshot.ts';

/** The base that is used when none is named. */
export const DEFAULT_KERNEL = 'debian-6.12';

/** Either a name from sources.yaml (`kernel`, default `debian-6.12`), or `tree`: git tree, tarball or folder (`base`: revision). */
export interface SourceRef {
  kernel?: string;
  tree?: string;
  base?: string;
  /** A sources file of the user's own, laid over ours. */
  sourcesFile?: string;
}

const Name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]*$/i, 'a name is letters, digits, dot, dash and underscore');
const Sources = z.record(Name, KernelSource);

async function readSources(file: string): Promise<Record<string, KernelSource>> {
  if (!(await exists(file))) throw new InputError({ what: 'there is no such sources file', where: file });
  const sources = parseYaml(Sources, await readFile(file, 'utf8'), file);
  // Paths are relative to the file that names them.
  const settled = Object.entries(sources).map(([name, source]): [string, KernelSource] => [
    name,
    source.path === undefined ? source : { ...source, path: resolve(dirname(file), source.path) },
  ]);
  return Object.fromEntries(settled);
}

async function allSources(sourcesFile?: string): Promise<Record<string, KernelSource>> {
  const ours = await readSources(join(projectRoot, 'kernels/sources.yaml'));
  return sourcesFile ? { ...ours, ...(await readSources(sourcesFile)) } : ours;
}

export async function listSources(sourcesFile?: string): Promise<{ name: string; summary: string }[]> {
  const sources = await allSources(sourcesFile);
  return Object.entries(sources).map(([name, { summary }]) => ({ name, summary }));
}

/** Version of an installed Debian package, or undefined. */
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

/** `~/src/Linux next.tar.xz` -> `linux-next`. */
function nameOf(path: string): string {
  const bare = basename(path).replace(/\.tar(?:\.\w+)?$|\.t[gx]z$/i, '');
  return (
    bare
      .toLowerCase()
      .replace(/[^a-z0-9._]+/g, '-')
      .replace(/^[-.]+|[-.]+$/g, '') || 'tree'
  );
}

/** Anything at a path: a tarball, a git tree, a plain folder. */
async function fromPath(name: string, path: string, revision: string | undefined, ctx: StageContext) {
  const info = await statOf(path);
  if (!info)
    throw new InputError({ what: 'there is nothing at this path', where: path, expected: 'a kernel tree' });
  const gitDir = info.isDirectory() ? await gitFolderOf(path, ctx.signal) : undefined;
  if (gitDir !== undefined) return fromGitTree(name, path, gitDir, revision, ctx);
  if (revision !== undefined) {
    throw new InputError({ what: `it is no git tree: it has no revision "${revision}"`, where: path });
  }
  return info.isDirectory() ? fromFolder(name, path, ctx) : fromTarball(name, path, undefined, ctx);
}

/** Refuses what cannot be a kernel before anything is built of it. */
async function checkKernel(tree: SourceTree, where: string, ctx: StageContext): Promise<SourceTree> {
  const { gitDir } = tree;
  const { signal } = ctx;
  const found = await ask(['ls-tree', '--name-only', tree.tree, 'Kconfig', 'Makefile'], { gitDir, signal });
  if (found === 'Kconfig\nMakefile') return tree;
  throw new InputError({
    what: 'this is no kernel tree',
    where,
    expected: 'Makefile and Kconfig at its top',
  });
}

/**
 * The source tree of a reference, as a commit in a repository of the cache. Throws InputError for an unknown name, a missing
 * package (with the command that installs it), or a path that holds no kernel.
 */
export async function resolveSource(ref: SourceRef, ctx: StageContext): Promise<SourceTree> {
  if (ref.tree !== undefined) {
    if (ref.kernel !== undefined) throw new InputError({ what: 'give either --kernel or --tree, not both' });
    return checkKernel(await fromPath(nameOf(resolve(ref.tree)), ref.tree, ref.base, ctx), ref.tree, ctx);
  }
  if (ref.base !== undefined) {
    throw new InputError({ what: '--base names a revision of a git tree', fix: 'give --tree DIR with it' });
  }
  const sources = await allSources(ref.sourcesFile);
  const name = ref.kernel ?? DEFAULT_KERNEL;
  const source = sources[name];
  if (!source) {
    throw new InputError({ what: `there is no kernel "${name}"`, expected: Object.keys(sources).join(', ') });
  }
  const tree = source.package
    ? await fromPackage(name, source.package, ctx)
    : await fromPath(name, source.path ?? '', source.revision, ctx);
  return checkKernel(tree, `kernel ${name}`, ctx);
}

/** Whether a commit is still there (the user's tree, which it may lie in, can have been cleaned up). */
export async function hasCommit(tree: SourceTree, signal: AbortSignal): Promise<boolean> {
  const { code } = await git(['cat-file', '-e', `${tree.commit}^{tree}`], {
    gitDir: tree.gitDir,
    signal,
    accept: 'any',
  });
  return code === 0;
}
