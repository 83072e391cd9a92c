import { copyFile, lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { InputError } from '../core/errors.ts';
import { GIT_SETTINGS, plainEnv } from '../core/git-env.ts';
import { hashFile, hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';

/** A source that can be copied: what decides its content, and the copy. */
export interface Checkout {
  /** Hash of the content, or of what names it (commit, version). */
  key: string;
  copyTo: (dir: string) => Promise<void>;
}

/** Git without hooks and settings of the user; safe.directory: a repository that another user owns is only read. */
async function git(args: readonly string[], dir: string, signal: AbortSignal, accept?: 'any') {
  const all = [...GIT_SETTINGS, '-c', 'safe.directory=*', '-C', dir, ...args];
  return run('git', all, { signal, cleanEnv: true, env: plainEnv(), ...(accept ? { accept } : {}) });
}

/** A commit of a repository, of which `paths` are needed. Throws InputError for an unknown revision. */
export async function ofCommit(
  repository: string,
  revision: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Checkout> {
  const { code, stdout } = await git(
    ['rev-parse', '--verify', '--quiet', `${revision}^{tree}`],
    repository,
    signal,
    'any',
  );
  const tree = stdout.trim();
  if (code !== 0 || tree === '')
    throw new InputError({
      what: `no revision ${revision}`,
      where: repository,
      expected: 'a branch, tag or commit of the repository',
    });
  return {
    key: hashOf('tree', tree),
    async copyTo(dir) {
      const archive = join(dir, '..', 'source.tar');
      await git(['archive', '--format=tar', `--output=${archive}`, tree, '--', ...paths], repository, signal);
      await run('tar', ['--extract', '--no-same-owner', '--file', archive, '--directory', dir], { signal });
      await rm(archive);
    },
  };
}

async function filesBelow(dir: string, below = dir): Promise<string[]> {
  const entries = await readdir(below, { withFileTypes: true });
  const parts = entries.map((entry) => {
    const path = join(below, entry.name);
    if (entry.isDirectory()) return entry.name === '.git' ? [] : filesBelow(dir, path);
    return entry.isFile() || entry.isSymbolicLink() ? [relative(dir, path)] : [];
  });
  return (await Promise.all(parts)).flat();
}

/** Files of a work tree as they are now, but those that git ignores: objects of an earlier build, say. */
async function filesOfWorkTree(dir: string, signal: AbortSignal): Promise<string[]> {
  const { stdout } = await git(['ls-files', '-z', '--cached', '--others', '--exclude-standard'], dir, signal);
  const present = stdout.split('\0').filter(Boolean);
  const infos = await Promise.all(present.map((path) => lstat(join(dir, path)).catch(() => undefined)));
  return present.filter((_path, index) => infos[index]?.isFile() || infos[index]?.isSymbolicLink());
}

/** The files of a folder as they are now. */
async function ofFiles(dir: string, all: readonly string[], paths: readonly string[]): Promise<Checkout> {
  const isNeeded = (file: string) =>
    paths.length === 0 || paths.some((path) => file === path || file.startsWith(`${path}/`));
  const files = [...new Set(all)].filter(isNeeded).sort();
  const parts: string[] = [];
  for (const file of files) {
    const path = join(dir, file);
    const info = await lstat(path);
    const content = info.isSymbolicLink() ? `link ${await readlink(path)}` : await hashFile(path);
    parts.push(file, String(info.mode & 0o111), content);
  }
  return {
    key: hashOf('files', ...parts),
    async copyTo(target) {
      for (const file of files) {
        const [from, to] = [join(dir, file), join(target, file)];
        await mkdir(dirname(to), { recursive: true });
        if ((await lstat(from)).isSymbolicLink()) await symlink(await readlink(from), to);
        else await copyFile(from, to);
      }
    },
  };
}

/** A folder: the commit of a bare repository or of `revision`, else its files as they are now. Throws InputError as `ofCommit`. */
export async function ofFolder(
  path: string,
  revision: string | undefined,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Checkout> {
  const { code, stdout } = await git(
    ['rev-parse', '--is-bare-repository', '--show-prefix'],
    path,
    signal,
    'any',
  );
  const [bare, prefix = ''] = stdout.split('\n');
  const isGit = code === 0 || bare === 'true';
  if (isGit && (bare === 'true' || revision !== undefined))
    return ofCommit(path, revision ?? 'HEAD', paths, signal);
  if (revision !== undefined)
    throw new InputError({
      what: `${revision} is a revision, but the folder is no git repository`,
      where: path,
    });
  // A folder below a work tree that git ignores has no files of it.
  const tracked = isGit && prefix === '' ? await filesOfWorkTree(path, signal) : [];
  return ofFiles(path, tracked.length > 0 ? tracked : await filesBelow(path), paths);
}

/** Hash of all files of a folder but some. */
export async function keyOfFiles(dir: string, but: readonly string[]): Promise<string> {
  const files = await filesBelow(dir);
  const { key } = await ofFiles(
    dir,
    files.filter((file) => !but.includes(file)),
    [],
  );
  return key;
}
