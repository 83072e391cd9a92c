import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import type { ProgramSet, Suite } from '../model/suite.ts';
import { matches, valueFor } from './glob.ts';

/** A program of a folder that is one suite. */
export interface FolderProgram {
  /** Its path below the folder, with `/`. */
  name: string;
  path: string;
  args: string[];
  timeoutSeconds: number;
  /** Why it does not run. */
  skip?: string;
}

/** Folders whose content is never a program of the suite. */
const IGNORED = new Set(['.git', 'node_modules']);

/** Paths below a folder that are regular files, or links to some, and executable. Deeper folders only where `deep`. */
async function executables(dir: string, deep: boolean, below = dir): Promise<string[]> {
  const entries = await readdir(below, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry): Promise<string[]> => {
      const path = join(below, entry.name);
      if (entry.isDirectory()) return deep && !IGNORED.has(entry.name) ? executables(dir, deep, path) : [];
      const info = await stat(path).catch(() => undefined);
      return info?.isFile() && info.mode & 0o111 ? [relative(dir, path).split(sep).join('/')] : [];
    }),
  );
  return found.flat().sort();
}

/** Whether any executable file of a suite's folder is among its programs. */
export async function hasPrograms({ dir, programs }: Pick<Suite, 'dir' | 'programs'>): Promise<boolean> {
  const names = await executables(dir, false);
  return names.some((name) => programs?.include.some((pattern) => matches(pattern, name)));
}

/** The names in the list of a suite's programs. Throws InputError for a list that is missing or names no executable file. */
async function listed(dir: string, list: string): Promise<string[]> {
  const file = join(dir, list);
  const text = await readFile(file, 'utf8').catch(() => {
    throw new InputError({
      what: 'no such file',
      where: file,
      expected: 'the list that `programs.list` names',
    });
  });
  const names = [...new Set(text.split('\n').map((line) => line.trim()))].filter((line) => line !== '');
  const infos = await Promise.all(names.map((name) => stat(join(dir, name)).catch(() => undefined)));
  const problems = names.flatMap((name, index): Problem[] => {
    const info = infos[index];
    if (info?.isFile() && info.mode & 0o111) return [];
    return [
      { what: `${name} is no executable file`, where: file, expected: 'names of programs below the folder' },
    ];
  });
  if (problems.length > 0) throw new InputError(problems);
  return names;
}

/** Position in the requested order; names that it does not list come last. */
function rankOf(name: string, order: readonly string[]): number {
  const index = order.findIndex((pattern) => matches(pattern, name));
  return index < 0 ? order.length : index;
}

const NO_PATTERNS = { exclude: {}, order: [], timeouts: {}, args: {} };

/** The patterns of a program set that match no executable file, each as a problem: a typo would change what is tested in silence. */
function unused(
  set: Pick<ProgramSet, 'include' | 'exclude' | 'order' | 'timeouts' | 'args'>,
  names: readonly string[],
  where: string,
): Problem[] {
  const fields: [string, readonly string[]][] = [
    ['programs.include', set.include],
    ['programs.exclude', Object.keys(set.exclude)],
    ['programs.order', set.order],
    ['programs.timeouts', Object.keys(set.timeouts)],
    ['programs.args', Object.keys(set.args)],
  ];
  return fields.flatMap(([field, patterns]) =>
    patterns
      .filter((pattern) => !names.some((name) => matches(pattern, name)))
      .map((pattern) => ({
        what: `${field}: ${pattern} matches no executable file`,
        where,
        expected: `one of ${names.slice(0, 8).join(', ') || 'the executable files, of which the folder has none'}${names.length > 8 ? ', ...' : ''}`,
        fix: 'correct the name, or make the file executable with chmod +x',
      })),
  );
}

/**
 * The programs of a suite that is a folder of programs, in the order in which they run. Throws InputError with each pattern that matches
 * nothing.
 */
export async function findPrograms(
  suite: Pick<Suite, 'dir' | 'programs' | 'build'>,
): Promise<FolderProgram[]> {
  const { dir, programs: set, build } = suite;
  if (!set) return [];
  if (set.list !== undefined) return asPrograms(await listed(dir, set.list), dir, set);
  const patterns = [...set.include, ...Object.keys(set.exclude), ...set.order];
  const all = await executables(
    dir,
    patterns.some((pattern) => pattern.includes('/') || pattern.includes('**')),
  );
  // A foreign suite is made of any version of its source: another version may lack some of the programs.
  const problems = unused(build ? { ...NO_PATTERNS, include: set.include } : set, all, dir);
  if (problems.length > 0) throw new InputError(problems);
  const names = all.filter((name) => set.include.some((pattern) => matches(pattern, name)));
  return asPrograms(names, dir, set);
}

/** The settings of each program, in the order in which they run. */
function asPrograms(names: readonly string[], dir: string, set: ProgramSet): FolderProgram[] {
  const ordered = [...names].sort(
    (a, b) => rankOf(a, set.order) - rankOf(b, set.order) || (a < b ? -1 : Number(a > b)),
  );
  return ordered.map((name) => {
    const skip = valueFor(set.exclude, name);
    return {
      ...{ name, path: join(dir, name), args: valueFor(set.args, name) ?? [] },
      timeoutSeconds: valueFor(set.timeouts, name) ?? set.timeoutSeconds,
      ...(skip === undefined ? {} : { skip }),
    };
  });
}
