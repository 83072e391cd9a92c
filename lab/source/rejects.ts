import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../core/process.ts';
import { ask, git, plainEnv } from './git.ts';
import { type FilePart, splitDiff } from './split-diff.ts';

/** What became of one file's part of a patch when it was tried alone. */
export interface FileOutcome {
  file: string;
  /** Why the whole file was refused (it is not there, it exists already ...), when it was. */
  refused?: string;
  /** Hunks by number, from 1, with the first old line of their header. */
  applied: { hunk: number; line: number }[];
  rejected: { hunk: number; line: number; text: string }[];
}

interface Place {
  gitDir: string;
  /** Tree before the patch. */
  tree: string;
  /** A folder that the caller removes. */
  scratch: string;
  signal: AbortSignal;
}

/** Writes the files that the patch touches, as far as they exist, into an empty folder. */
async function checkOut(files: readonly string[], place: Place): Promise<string> {
  const { gitDir, tree, scratch, signal } = place;
  const folder = await mkdtemp(join(scratch, 'files-'));
  const index = join(scratch, 'rejects.index');
  const inside = files.filter((file) => !/^\/|^\.\.\/|\/\.\.\//.test(file));
  const list = ['ls-tree', '-r', '-z', '--name-only', '--full-tree', tree, '--', ...inside];
  const there = inside.length === 0 ? '' : await ask(list, { gitDir, signal });
  await git(['read-tree', tree], { gitDir, index, signal });
  const args = ['-c', 'core.symlinks=false', 'checkout-index', '--force', '-z', '--stdin'];
  await git(args, { gitDir, index, workTree: folder, input: there, signal });
  return folder;
}

/** The hunks of a `.rej` file, headers included. */
async function readRejects(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split(/^(?=@@ )/m)
    .filter((part) => part.startsWith('@@ '))
    .map((part) => part.trimEnd());
}

/** Tries one file's part with `git apply --reject`, outside any repository. */
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
    const why = /^error: (?!while searching)(.*)$/m.exec(stderr)?.[1] ?? stderr.trim();
    return { file: part.file, refused: why, applied: [], rejected: [] };
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

/** Tries every file of a patch that failed on its own, to tell which hunks are at fault. Touches nothing but `scratch`. */
export async function findRejects(
  diff: string,
  files: readonly string[],
  place: Place,
): Promise<FileOutcome[]> {
  const folder = await checkOut(files, place);
  await mkdir(folder, { recursive: true });
  const outcomes: FileOutcome[] = [];
  for (const part of splitDiff(diff)) outcomes.push(await tryPart(part, folder, place.signal));
  await rm(folder, { recursive: true, force: true });
  return outcomes;
}
