import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ensureFolder } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { GIT_SETTINGS, userGitEnv } from '../core/git-env.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { git, initRepository } from './git.ts';
import { sourcesDir, workDirOf } from './snapshot.ts';

/**
 * Runs git on a repository of the user without writing to it (by default git refreshes the index even in read-only commands). Its
 * configuration may name programs: only for commands that run none, such as rev-parse.
 */
async function gitReadOnly(folder: string, args: readonly string[], signal: AbortSignal) {
  const readOnly = ['--no-optional-locks', ...GIT_SETTINGS, '-C', folder];
  return run('git', [...readOnly, ...args], { signal, accept: 'any', cleanEnv: true, env: userGitEnv() });
}

/**
 * Whether the work tree of a user differs from a commit. Filters of the user's configuration are not run, because `repository` has
 * none; false where the index cannot be read without that configuration.
 */
async function hasChanges(
  folder: string,
  commit: string,
  repository: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { stdout } = await gitReadOnly(
    folder,
    ['rev-parse', '--path-format=absolute', '--git-path', 'index'],
    signal,
  );
  const options = { gitDir: repository, workTree: folder, index: stdout.replace(/\n$/, ''), signal };
  const args = ['--no-optional-locks', '-c', 'core.bare=false', 'diff-index', '--quiet', commit, '--'];
  return (await git(args, { ...options, accept: 'any' })).code === 1;
}

/** The commit of a revision (default HEAD) in a repository of the user. Throws InputError when it has no such commit. */
export async function commitOf(
  folder: string,
  revision: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const args = ['rev-parse', '--verify', '--end-of-options', `${revision ?? 'HEAD'}^{commit}`];
  const { code, stdout, stderr } = await gitReadOnly(folder, args, signal);
  if (code === 0) return stdout.trim();
  throw new InputError({
    what: `no commit "${revision ?? 'HEAD'}" (${stderr.trim()})`,
    where: folder,
    expected: 'a branch, tag or commit of this repository',
  });
}

/** A repository in the cache that borrows the objects of the user's through `alternates`, so that nothing is copied. */
async function borrowingRepository(
  folder: string,
  gitDir: string,
  name: string,
  signal: AbortSignal,
): Promise<string> {
  const ask = async (...args: string[]) => (await gitReadOnly(folder, ['rev-parse', ...args], signal)).stdout;
  const objects = await ask('--path-format=absolute', '--git-path', 'objects');
  const format = (await ask('--show-object-format')).trim();
  const path = join(sourcesDir(), `${name}-${hashOf(gitDir, objects).slice(0, 8)}`);
  const { dir } = await ensureFolder(
    path,
    async (repository) => {
      await initRepository(repository, signal, format || 'sha1');
      await mkdir(join(repository, 'objects/info'), { recursive: true });
      await writeFile(join(repository, 'objects/info/alternates'), `${objects.trim()}\n`);
    },
    { signal },
  );
  return dir;
}

/** Name of a commit of a git tree, for display: `linux-0123456789ab`. */
export const nameOfCommit = (name: string, commit: string) => `${name}-${commit.slice(0, 12)}`;

/**
 * A commit of the user's git tree (`revision`, default HEAD) as a SourceTree. The user's tree is neither written nor checked out.
 * Throws InputError when it has no such commit.
 */
export async function fromGitTree(
  name: string,
  folder: string,
  gitDir: string,
  revision: string | undefined,
  ctx: StageContext,
): Promise<SourceTree> {
  const { signal } = ctx;
  const commit = await commitOf(folder, revision, signal);
  const bare = gitDir === (await realpath(folder));
  const repository = await borrowingRepository(folder, gitDir, name, signal);
  if (revision === undefined && !bare && (await hasChanges(folder, commit, repository, signal)))
    ctx.emit({ type: 'note', note: { code: 'source.uncommitted', subject: folder } });
  const { stdout } = await git(['rev-parse', `${commit}^{tree}`], {
    gitDir: repository,
    signal,
    isSuspect: true,
  });
  return {
    name: nameOfCommit(name, commit),
    gitDir: repository,
    commit,
    tree: stdout.trim(),
    workDir: workDirOf(basename(repository)),
  };
}
