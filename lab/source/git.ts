import { LabError } from '../core/errors.ts';
import { GIT_SETTINGS, plainEnv } from '../core/git-env.ts';
import { type Limits, limited } from '../core/limits.ts';
import { type RunResult, run } from '../core/process.ts';
import { throwConfirmedFault, throwReportedFault } from '../core/storage.ts';
import { MAX_REPORT } from './patch-limits.ts';

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
  /** A failure that looks like damage is damage: nothing that a patch says can be in git's report. */
  isSuspect?: boolean;
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

/** A repository of the cache lacks objects or refs, or has damaged ones. */
export class DamagedRepository extends LabError {
  constructor(
    readonly gitDir: string,
    readonly damage: string,
  ) {
    super(
      `the repository ${gitDir} is damaged: ${damage}\n  fix: remove it, it is made again from its source`,
    );
  }
}

/** How git begins a report of missing or damaged objects, refs and indexes. Text of a patch may look the same: see `checkDamage`. */
const DAMAGE =
  /^(?:fatal|error): (?:.*(?:not a git repository|object file|loose object|packfile|pack has|inflate|bad object|bad tree|invalid object|unable to (?:read|parse|find|get)|could not (?:read|parse|get)|failed to (?:read|parse)|missing (?:blob|tree|commit|object)|unknown revision|ambiguous argument|not a valid object|Not a valid|Needed a single revision|invalid sha1 pointer|not a tree|index file|cannot lock ref|bad (?:config|signature)|bad config line|invalid index|unterminated line))/im;

/** What git fsck says of a repository, its first complaint; undefined when it is sound. Takes seconds for a kernel. */
export async function fsck(gitDir: string, signal: AbortSignal): Promise<string | undefined> {
  const args = ['-c', 'safe.directory=*', 'fsck', '--no-dangling', '--no-progress'];
  const env = { ...plainEnv(), GIT_DIR: gitDir };
  const { code, stdout, stderr } = await run('git', args, { accept: 'any', signal, cleanEnv: true, env });
  if (code === 0) return undefined;
  const lines = `${stderr}\n${stdout}`
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('notice: '));
  return lines[0] ?? `git fsck ended with code ${code}`;
}

/**
 * Throws DamagedRepository when git's report is about a repository that is damaged, LabError when the disk is at fault. Looked at
 * before the failure is blamed on a patch, and confirmed by git fsck before it is blamed on the repository.
 */
async function checkDamage(report: string, options: GitOptions): Promise<void> {
  const { gitDir, signal, isSuspect, limits, objects } = options;
  // git on the text of a patch repeats its names and lines.
  if (limits) await throwConfirmedFault('git', report, objects ?? gitDir);
  else throwReportedFault('git', report, gitDir);
  const damage = DAMAGE.exec(report)?.[0];
  if (damage === undefined) return;
  const confirmed = isSuspect ? damage : await fsck(gitDir, signal);
  if (confirmed !== undefined) throw new DamagedRepository(gitDir, confirmed.trim());
}

/**
 * Runs git on a repository of the cache. Throws as `run`, DamagedRepository when the repository is the reason of a failure, LabError
 * when the disk is.
 */
export async function git(args: readonly string[], options: GitOptions): Promise<RunResult> {
  const { accept = [0] } = options;
  const result = await runGit(args, { ...options, accept: 'any' });
  if (result.code === 0) return result;
  await checkDamage(result.stderr, options);
  if (accept === 'any' || accept.includes(result.code)) return result;
  const tail = result.stderr.trim().split('\n').slice(-15).join('\n');
  throw new LabError(`git ${args.slice(0, 6).join(' ')} ended with code ${result.code}\n${tail}`);
}

function runGit(args: readonly string[], options: GitOptions): Promise<RunResult> {
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
    ...(limits ? { maxOutput: MAX_REPORT } : {}),
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
