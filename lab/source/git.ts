import { devNull } from 'node:os';
import { type RunResult, run } from '../core/process.ts';

/** Options of `git`; `input`, `accept` and `onLine` are those of `run`. */
export interface GitOptions {
  gitDir: string;
  signal: AbortSignal;
  workTree?: string;
  /** Index file; default the repository's. */
  index?: string;
  input?: string;
  env?: Record<string, string>;
  accept?: readonly number[] | 'any';
  onLine?: (line: string, from: 'stdout' | 'stderr') => void;
}

/** Committer and date of every commit: fixed, so that equal content gives equal commits. */
export const COMMITTER = {
  GIT_COMMITTER_NAME: 'ringlab',
  GIT_COMMITTER_EMAIL: 'lab@ringlab.invalid',
  GIT_COMMITTER_DATE: '@946684800 +0000',
};

/** Environment for git and tar without the user's settings. */
export function plainEnv(): Record<string, string> {
  const { PATH = '/usr/bin:/bin', TMPDIR } = process.env;
  return {
    PATH,
    ...(TMPDIR ? { TMPDIR } : {}),
    LC_ALL: 'C',
    HOME: devNull,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: devNull,
    GIT_TERMINAL_PROMPT: '0',
  };
}

/** Runs git on a repository of the cache. Throws as `run`. */
export function git(args: readonly string[], options: GitOptions): Promise<RunResult> {
  const { gitDir, workTree, index, env, signal, input, accept, onLine } = options;
  // The cache may belong to another user (a container's root); git would refuse to use its repositories.
  const settings = ['safe.directory=*', 'gc.auto=0', 'core.quotePath=false', 'core.hooksPath=/dev/null'];
  return run('git', [...settings.flatMap((setting) => ['-c', setting]), ...args], {
    signal,
    cleanEnv: true,
    env: {
      ...plainEnv(),
      GIT_DIR: gitDir,
      ...(workTree ? { GIT_WORK_TREE: workTree } : {}),
      ...(index ? { GIT_INDEX_FILE: index } : {}),
      ...env,
    },
    ...(workTree ? { cwd: workTree } : {}),
    ...(input === undefined ? {} : { input }),
    ...(accept === undefined ? {} : { accept }),
    ...(onLine ? { onLine } : {}),
  });
}

/** Standard output of git without surrounding blanks. */
export async function ask(args: readonly string[], options: GitOptions): Promise<string> {
  return (await git(args, options)).stdout.trim();
}

/** Creates an empty bare repository. Compression is light: a source is written once and read often. */
export async function initRepository(gitDir: string, signal: AbortSignal, format = 'sha1'): Promise<void> {
  await git(['init', '--quiet', '--bare', '--template=', `--object-format=${format}`], { gitDir, signal });
  await git(['config', 'core.compression', '1'], { gitDir, signal });
}

/** Commits a tree with fixed author and date, so that equal trees give equal commits, and points `ref` at it. Returns the commit. */
export async function commitSource(
  tree: string,
  ref: string,
  gitDir: string,
  signal: AbortSignal,
): Promise<string> {
  const { GIT_COMMITTER_NAME, GIT_COMMITTER_EMAIL, GIT_COMMITTER_DATE } = COMMITTER;
  const env = {
    ...COMMITTER,
    GIT_AUTHOR_NAME: GIT_COMMITTER_NAME,
    GIT_AUTHOR_EMAIL: GIT_COMMITTER_EMAIL,
    GIT_AUTHOR_DATE: GIT_COMMITTER_DATE,
  };
  const commit = await ask(['commit-tree', '-m', 'source as it was given', tree], { gitDir, signal, env });
  await git(['update-ref', ref, commit], { gitDir, signal });
  return commit;
}
