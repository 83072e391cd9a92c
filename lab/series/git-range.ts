import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import { GIT_SETTINGS, plainEnv, userGitEnv } from '../core/git-env.ts';
import { type Limits, limited } from '../core/limits.ts';
import { type RunResult, run } from '../core/process.ts';
import { readCommits } from './commits.ts';
import { SIZE_LIMIT } from './limits.ts';
import { readRegular, tooBig } from './regular-file.ts';
import type { Finding, SourceFiles } from './stages.ts';

const RANGE = /^(?!-)([^\s.](?:[^\s]*[^\s.])?)(\.\.\.?)([^\s.-]\S*)?$/;
/** Most commits of a range: a longer one is no series but part of the history. */
const MAX_COMMITS = 500;

/** Whether a text has the form `BASE..TIP`, `BASE..` or `A...B`. */
export function isRange(source: string): boolean {
  return RANGE.test(source);
}

/** Runs git rev-parse in a repository of the user: it resolves names and runs no program of the configuration. */
function revParse(repo: string, args: readonly string[], signal: AbortSignal): Promise<RunResult> {
  const command = [...GIT_SETTINGS, '-C', repo, 'rev-parse', ...args];
  return run('git', command, { signal, accept: 'any', cleanEnv: true, env: userGitEnv() });
}

async function commitOf(repo: string, revision: string, signal: AbortSignal): Promise<string | Problem> {
  const args = ['--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  const { code, stdout, stderr } = await revParse(repo, args, signal);
  if (code === 0) return stdout.trim();
  return {
    what: `no commit "${revision}"`,
    where: repo,
    expected: stderr.trim() || 'BASE..TIP of this repository',
  };
}

/**
 * Makes a repository in `dir` that has the objects of another one but not its configuration, which may name programs for diffs,
 * signatures or missing objects. Returns its folder.
 */
async function borrow(repo: string, dir: string, signal: AbortSignal): Promise<string> {
  const ask = async (...args: string[]) => (await revParse(repo, args, signal)).stdout.replace(/\n$/, '');
  const pathOf = (name: string) => ask('--path-format=absolute', '--git-path', name);
  const gitDir = join(dir, 'repository');
  const format = (await ask('--show-object-format')) || 'sha1';
  const init = ['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, gitDir];
  await run('git', init, { signal, cleanEnv: true, env: plainEnv() });
  await writeFile(join(gitDir, 'objects/info/alternates'), `${await pathOf('objects')}\n`);
  // A shallow repository lists in it the commits whose parents it lacks.
  const shallow = await readFile(await pathOf('shallow')).catch(() => undefined);
  if (shallow) await writeFile(join(gitDir, 'shallow'), shallow);
  return gitDir;
}

/** How git reads a repository of `borrow`, which belongs to another user where that of the source does. */
const READING = [...GIT_SETTINGS, '-c', 'safe.directory=*'];

/** The commits from the one where two branches part to the second branch, as a range of ids. */
async function sinceMergeBase(
  ids: readonly string[],
  source: string,
  repo: string,
  ask: Ask,
): Promise<string> {
  const { code, stdout } = await ask('merge-base', ...ids);
  const [base] = stdout.trim().split('\n');
  if (code === 0 && base) return `${base}..${ids[1]}`;
  throw new InputError({
    what: `no common ancestor of the ends of ${source}`,
    where: repo,
    expected: 'two branches of one history',
  });
}

type Ask = (...args: string[]) => Promise<RunResult>;

/**
 * The commits of a range as mails, independent of the user's settings: messages and diffs as they are, no matter what a mail would lose.
 * `A...B` begins where the two part. Merges are left out with a note. Throws InputError for an unknown revision, an empty range or one of more than
 * `MAX_COMMITS` commits.
 */
export async function mailsOfRange(
  source: string,
  { repo, resources, note, signal }: Finding,
): Promise<SourceFiles> {
  const [, from = '', dots, to = 'HEAD'] = RANGE.exec(source) ?? [];
  const resolved = await Promise.all([from, to].map((revision) => commitOf(repo, revision, signal)));
  const problems = resolved.filter((commit) => typeof commit !== 'string');
  if (problems.length > 0) throw new InputError(problems);
  const ids = resolved.map(String);
  const dir = await mkdtemp(join(tmpdir(), 'ringlab-range-'));
  resources.defer(() => rm(dir, { recursive: true, force: true }));
  const env = { ...plainEnv(), GIT_DIR: await borrow(repo, dir, signal) };
  const ask: Ask = (...args) =>
    run('git', [...READING, ...args], { signal, cleanEnv: true, env, accept: [0, 1] });
  const range = dots === '...' ? await sinceMergeBase(ids, source, repo, ask) : ids.join('..');
  const count = async (filter: string) => Number((await ask('rev-list', '--count', filter, range)).stdout);
  const [commits, merges] = [await count('--no-merges'), await count('--merges')];
  if (commits === 0 || commits > MAX_COMMITS) {
    throw new InputError({
      what: `${commits} commits in ${source}`,
      where: repo,
      expected: `1 to ${MAX_COMMITS} commits`,
    });
  }
  if (merges > 0) note({ code: 'series.merges', subject: source, count: merges });
  const path = join(dir, 'log');
  await writeLog(range, path, env, signal).catch((error: unknown) => {
    if (!/ended by SIGXFSZ|File too large/.test(String(error))) throw error;
    throw tooBig(source, 'larger changes');
  });
  const mails = readCommits(await readRegular(path), source);
  return { files: [], mails, origin: { kind: 'git', detail: source }, queue: 'exact' };
}

/** Most memory and time of git for a range whose patches may be `SIZE_LIMIT` bytes. */
const LIMITS: Limits = { dataBytes: 2 ** 31, fileBytes: SIZE_LIMIT, cpuSeconds: 300 };

/** Writes each commit of a range to one file, as `readCommits` reads it. Throws as `run`, also beyond `LIMITS`. */
async function writeLog(
  range: string,
  path: string,
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const args = [
    ...['log', '--reverse', '--topo-order', '--no-merges', '--format=%x00%H%n%an%n%ae%n%aD%n%s%x00%b%x00'],
    ...[
      '--encoding=UTF-8',
      '--no-show-signature',
      '--no-notes',
      '--no-mailmap',
      '--patch',
      '--full-index',
      '--binary',
    ],
    ...['--no-ext-diff', '--no-textconv', '--no-color', '--src-prefix=a/', '--dst-prefix=b/', '--unified=3'],
    ...['--find-renames', '--diff-algorithm=myers', '--ignore-submodules=none', '--submodule=short', range],
  ];
  await using file = await open(path, 'w');
  const command = limited(['git', ...READING, ...args], LIMITS);
  const [program = 'git', ...argv] = command;
  await run(program, argv, { signal, cleanEnv: true, env, stdoutFd: file.fd });
}
