import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../core/process.ts';
import { ask, git, plainEnv } from './git.ts';
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
  gitDir: string;
  /** Tree before the patch. */
  tree: string;
  /** Folder for files and indexes, removed by the caller. */
  scratch: string;
  signal: AbortSignal;
}

/** Checks those files of the patch that exist out into a new folder; returns it. */
async function checkOut(files: readonly string[], trial: Trial): Promise<string> {
  const { gitDir, tree, scratch, signal } = trial;
  const folder = await mkdtemp(join(scratch, 'files-'));
  const index = join(scratch, 'rejects.index');
  const inside = files.filter((file) => !/^\/|^\.\.\/|\/\.\.\//.test(file));
  const list = ['ls-tree', '-r', '-z', '--name-only', '--full-tree', tree, '--', ...inside];
  const existing = inside.length === 0 ? '' : await ask(list, { gitDir, signal });
  await git(['read-tree', tree], { gitDir, index, signal });
  const args = ['-c', 'core.symlinks=false', 'checkout-index', '--force', '-z', '--stdin'];
  await git(args, { gitDir, index, workTree: folder, input: existing, signal });
  return folder;
}

/** The hunks of a `.rej` file with their headers; none when there is no such file. */
async function readRejects(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split(/^(?=@@ )/m)
    .filter((part) => part.startsWith('@@ '))
    .map((part) => part.trimEnd());
}

/** Applies one file's part with `git apply --reject`, outside any repository. */
async function tryPart(part: FilePart, folder: string, signal: AbortSignal): Promise<FileOutcome> {
  const env = { ...plainEnv(), GIT_CEILING_DIRECTORIES: dirname(folder) };
  const args = ['apply', '--reject', '--verbose', '--whitespace=nowarn', '-'];
  const options = { cwd: folder, env, cleanEnv: true, input: part.text, accept: 'any', signal } as const;
  const { code, stderr } = await run('git', args, options);
  const numbers = (pattern: RegExp) => [...stderr.matchAll(pattern)].map((match) => Number(match[1]));
  const rejected = numbers(/^Rejected hunk #(\d+)/gm);
  const all = part.hunkLines.map((line, index) => ({ hunk: index + 1, line }));
  const texts = await readRejects(join(folder, `${part.file}.rej`));
  if (code !== 0 && rejected.length === 0) {
    const refused = /^error: (?!while searching)(.*)$/m.exec(stderr)?.[1] ?? stderr.trim();
    return { file: part.file, refused, applied: [], rejected: [] };
  }
  return {
    file: part.file,
    applied: all.filter(({ hunk }) => !rejected.includes(hunk)),
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
  for (const part of splitDiff(diff)) outcomes.push(await tryPart(part, folder, trial.signal));
  await rm(folder, { recursive: true, force: true });
  return outcomes;
}
