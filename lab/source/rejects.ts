import { constants } from 'node:fs';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GIT_SETTINGS, plainEnv } from '../core/git-env.ts';
import { limited } from '../core/limits.ts';
import { run } from '../core/process.ts';
import { pathFlaw } from '../model/tree-path.ts';
import { ask, type GitOptions, git } from './git.ts';
import { MAX_REPORT, PATCH_LIMITS, withinLimits } from './patch-limits.ts';
import { type FilePart, splitDiff } from './split-diff.ts';

/** Outcome of applying one file's part of a patch alone. */
export interface FileOutcome {
  file: string;
  /** git's reason for refusing the whole file (it does not exist, it exists already ...); absent when hunks were tried. */
  refused?: string;
  /** Hunks by number, from 1, with the first old line of their header. */
  applied: { hunk: number; line: number }[];
  rejected: { hunk: number; line: number; text: string }[];
}

/** Where to try a patch. */
interface Trial {
  git: GitOptions;
  /** Tree before the patch. */
  tree: string;
  /** Folder for files and indexes, removed by the caller. */
  scratch: string;
}

/** Most files of a patch that are tried, each by a git apply. */
const MAX_FILES = 200;
/** Most bytes of a .rej file that are read. */
const MAX_REJECTS = 1 << 20;

/** Checks those files of the patch that exist out into a new folder; returns it. */
async function checkOut(files: readonly string[], trial: Trial): Promise<string> {
  const { git: options, tree, scratch } = trial;
  const folder = await mkdtemp(join(scratch, 'files-'));
  const index = join(scratch, 'rejects.index');
  const inside = files.filter((file) => pathFlaw(file) === undefined).slice(0, MAX_FILES);
  const list = [
    '--literal-pathspecs',
    'ls-tree',
    '-r',
    '-z',
    '--name-only',
    '--full-tree',
    tree,
    '--',
    ...inside,
  ];
  const existing = inside.length === 0 ? '' : await ask(list, options);
  await git(['read-tree', tree], { ...options, index });
  const args = ['-c', 'core.symlinks=false', 'checkout-index', '--force', '-z', '--stdin'];
  await git(args, { ...options, index, workTree: folder, input: existing });
  return folder;
}

/** The hunks of a `.rej` file with their headers; none when there is no such file. */
async function readRejects(path: string): Promise<string[]> {
  // Not through a link, which a part of the same patch may have made.
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (!file || !(await file.stat()).isFile()) return [];
  const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_REJECTS), 0, MAX_REJECTS, 0);
  const text = buffer.toString('utf8', 0, bytesRead);
  return text
    .split(/^(?=@@ )/m)
    .filter((part) => part.startsWith('@@ '))
    .map((part) => part.trimEnd());
}

/** Applies one file's part with `git apply --reject`, outside any repository. */
async function tryPart(part: FilePart, folder: string, { git: { signal } }: Trial): Promise<FileOutcome> {
  const env = { ...plainEnv(), GIT_CEILING_DIRECTORIES: dirname(folder) };
  const apply = ['apply', '--reject', '--verbose', '--whitespace=nowarn', '-'];
  const command = ['git', ...GIT_SETTINGS, '-c', 'core.symlinks=false', ...apply];
  const [program = 'git', ...args] = limited(command, PATCH_LIMITS);
  const options = {
    cwd: folder,
    env,
    cleanEnv: true,
    input: part.text,
    accept: 'any',
    maxOutput: MAX_REPORT,
    signal,
  } as const;
  const tried = await withinLimits(run(program, args, options));
  const { code, stderr } = tried ?? { code: 1, stderr: 'error: git needs too much memory, time or space' };
  const numbers = (pattern: RegExp) => [...stderr.matchAll(pattern)].map((match) => Number(match[1]));
  const rejected = numbers(/^Rejected hunk #(\d+)/gm);
  const isRejected = new Set(rejected);
  const all = part.hunkLines.map((line, index) => ({ hunk: index + 1, line }));
  const texts = pathFlaw(part.file) ? [] : await readRejects(join(folder, `${part.file}.rej`));
  if (code !== 0 && rejected.length === 0) {
    const refused = /^error: (?!while searching)(.*)$/m.exec(stderr)?.[1] ?? stderr.trim();
    return { file: part.file, refused, applied: [], rejected: [] };
  }
  return {
    file: part.file,
    applied: all.filter(({ hunk }) => !isRejected.has(hunk)),
    rejected: rejected.map((hunk, index) => ({
      hunk,
      line: part.hunkLines[hunk - 1] ?? 0,
      text: texts[index] ?? '',
    })),
  };
}

/** Applies the part of each file of a failed patch alone, to find the hunks at fault. Writes to `scratch` only. */
export async function findRejects(
  diff: string,
  files: readonly string[],
  trial: Trial,
): Promise<FileOutcome[]> {
  const folder = await checkOut(files, trial);
  await mkdir(folder, { recursive: true });
  const outcomes: FileOutcome[] = [];
  for (const part of splitDiff(diff).slice(0, MAX_FILES)) outcomes.push(await tryPart(part, folder, trial));
  await rm(folder, { recursive: true, force: true });
  return outcomes;
}
