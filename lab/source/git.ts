import { GIT_SETTINGS, plainEnv } from '../core/git-env.ts';
import { type Limits, limited } from '../core/limits.ts';
import { type RunResult, run } from '../core/process.ts';

/** Options of `git`; `input`, `accept` and `onLine` are those of `run`. */
export interface GitOptions {
  gitDir: string;
  signal: AbortSignal;
  workTree?: string;
  /** Index file; default the repository's. */
  index?: string;
  /** Folder for new objects; default the repository's. Its alternates name the repository's objects. */
  objects?: string;
  /** For git on the text of a patch. */
  limits?: Limits;
  input?: string;
  env?: Record<string, string>;
  accept?: readonly number[] | 'any';
  onLine?: (line: string, from: 'stdout' | 'stderr') => void;
  /** An open file instead of the pipe to standard input, as that of `run`. */
  stdinFd?: number;
}

/** Committer and date of every commit: fixed, so that equal content gives equal commits. */
export const COMMITTER = {
  GIT_COMMITTER_NAME: 'ringlab',
  GIT_COMMITTER_EMAIL: 'lab@ringlab.invalid',
  GIT_COMMITTER_DATE: '@946684800 +0000',
};

/** Runs git on a repository of the cache. Throws as `run`. */
export function git(args: readonly string[], options: GitOptions): Promise<RunResult> {
  const { gitDir, workTree, index, objects, limits, env, signal, input, accept, onLine, stdinFd } = options;
  // The cache may belong to another user (a container's root); git would refuse to use its repositories.
  const command = ['git', '-c', 'safe.directory=*', ...GIT_SETTINGS, ...args];
  const [file = 'git', ...argv] = limits ? limited(command, limits) : command;
  return run(file, argv, {
    signal,
    cleanEnv: true,
    env: {
      ...plainEnv(),
      GIT_DIR: gitDir,
      ...(workTree ? { GIT_WORK_TREE: workTree } : {}),
      ...(index ? { GIT_INDEX_FILE: index } : {}),
      ...(objects ? { GIT_OBJECT_DIRECTORY: objects } : {}),
      ...env,
    },
    ...(workTree ? { cwd: workTree } : {}),
    ...(input === undefined ? {} : { input }),
    ...(accept === undefined ? {} : { accept }),
    ...(onLine ? { onLine } : {}),
    ...(stdinFd === undefined ? {} : { stdinFd }),
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
