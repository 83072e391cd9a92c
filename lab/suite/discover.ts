import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { parseYaml } from '../model/parse.ts';
import { type Suite, SuiteInfo } from '../model/suite.ts';
import { isGlob } from './glob.ts';
import { hasPrograms } from './programs.ts';

/** The whole of a suite's time in one guest, seconds, where each program has its own deadline: a limit for broken guests only. */
const FOLDER_SECONDS = 4 * 3600;

const Deadline = z.looseObject({ timeoutSeconds: z.number().optional() });

async function readSuiteFile(file: string): Promise<SuiteInfo> {
  const text = await readFile(file, 'utf8');
  const info = parseYaml(SuiteInfo, text, file);
  if (info.programs) info.timeoutSeconds = parseYaml(Deadline, text, file).timeoutSeconds ?? FOLDER_SECONDS;
  const problems = conflicts(info);
  if (problems.length > 0) throw new InputError(problems.map((what) => ({ what, where: file })));
  return info;
}

/** Fields that contradict each other. */
function conflicts({ run, programs, files, env }: SuiteInfo): string[] {
  const isProgram = run !== undefined || programs !== undefined;
  return [
    ...(run && programs ? ['`run` and `programs` exclude each other'] : []),
    ...(!isProgram && files.length > 0 ? ['`files` needs `run` or `programs`'] : []),
    ...(!isProgram && Object.keys(env).length > 0 ? ['`env` needs `run` or `programs`'] : []),
  ];
}

async function suitesIn(folder: string): Promise<Suite[]> {
  const suites: Suite[] = [];
  for (const entry of (await readdir(folder)).sort()) {
    const dir = join(folder, entry);
    const file = join(dir, 'suite.yaml');
    if (!(await exists(file))) continue;
    const info = await readSuiteFile(file);
    if (info.name !== entry) {
      throw new InputError({
        what: `suite is named ${info.name}`,
        where: file,
        expected: `the name of its folder, ${entry}`,
      });
    }
    suites.push({ ...info, dir });
  }
  return suites;
}

/**
 * Every suite in a folder (default: `suites/`) and its subfolder `foreign`, by name. Throws InputError for a malformed `suite.yaml` or
 * another name than the folder's.
 */
export async function loadSuites(folder = join(projectRoot, 'suites')): Promise<Map<string, Suite>> {
  const foreign = join(folder, 'foreign');
  const suites = [...(await suitesIn(folder)), ...((await exists(foreign)) ? await suitesIn(foreign) : [])];
  return new Map(suites.map((suite) => [suite.name, suite]));
}

/** Whether the user gave the path of a suite, not a name. */
const isPath = (suite: string): boolean => suite.includes('/') || suite === '.' || suite === '..';

/** A suite name from the name of a file or folder: `io_uring-NOP.t` -> `io-uring-nop-t`. */
function nameOf(path: string): string {
  const name = basename(path)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '');
  return name || 'suite';
}

/** The suite that the programs of a folder are, with everything beside them. */
function programSuite(dir: string, include: string[]): Suite {
  const settings = { programs: { include }, files: ['.'], timeoutSeconds: FOLDER_SECONDS };
  return { ...SuiteInfo.parse({ name: nameOf(dir), ...settings }), dir };
}

/**
 * The suite of a folder without suite.yaml and index.ts: its executable files, or only those named `*.t` if it has any, as for
 * prove(1). Undefined where it has none.
 */
async function bareFolder(dir: string): Promise<Suite | undefined> {
  for (const pattern of ['*.t', '*']) {
    const suite = programSuite(dir, [pattern]);
    if (await hasPrograms(suite)) return suite;
  }
  return undefined;
}

async function folderSuite(dir: string): Promise<Suite> {
  const file = join(dir, 'suite.yaml');
  const isDescribed = await exists(file);
  const info = isDescribed ? await readSuiteFile(file) : SuiteInfo.parse({ name: nameOf(dir) });
  if (info.run || info.programs || (await exists(join(dir, 'index.ts')))) return { ...info, dir };
  const bare = isDescribed ? undefined : await bareFolder(dir);
  if (bare) return bare;
  throw new InputError({
    what: 'no suite',
    where: dir,
    expected:
      'an index.ts with tests, executable files, or a suite.yaml whose `run` names a program or whose `programs` select some',
    fix: 'ringlab suite new FOLDER makes a suite to start from',
  });
}

/** The suite of a path whose last part is a pattern, `liburing/test/*.t`; undefined for another path. */
async function patternSuite(path: string): Promise<Suite | undefined> {
  const full = resolve(path);
  const [dir, pattern] = [dirname(full), basename(full)];
  if (!isGlob(pattern) || (await exists(full))) return undefined;
  const suite = programSuite(dir, [pattern]);
  if ((await exists(dir)) && (await hasPrograms(suite))) return suite;
  throw new InputError({
    what: 'no executable file matches',
    where: path,
    expected: 'a pattern of programs in a folder',
    fix: 'build the programs, or make them executable with chmod +x',
  });
}

/**
 * The user's suite at a path: a folder with `index.ts`, `suite.yaml` or programs, a pattern of programs, or a program that is the whole
 * suite. Throws InputError when the path is none of these.
 */
export async function loadUserSuite(path: string): Promise<Suite> {
  const full = resolve(path);
  const stats = await stat(full).catch(() => undefined);
  const ofPattern = stats ? undefined : await patternSuite(path);
  if (ofPattern) return ofPattern;
  if (stats?.isDirectory()) return folderSuite(full);
  if (stats?.isFile() && stats.mode & 0o111) {
    const info = SuiteInfo.parse({ name: nameOf(full), run: [basename(full)] });
    return { ...info, dir: dirname(full) };
  }
  throw new InputError({
    what: stats ? 'the file is not executable' : 'no such file or folder',
    where: path,
    expected: 'the folder of a suite, or a program',
    fix: stats ? `chmod +x ${path}` : undefined,
  });
}

/** Two programs of one folder may have names that differ only in characters that no suite's name has. */
const isSame = (a: Suite, b: Suite): boolean =>
  a.dir === b.dir && JSON.stringify(a.run) === JSON.stringify(b.run);

/**
 * Adds the user's suites among `names` (those that are paths) to the known suites, and replaces the paths by names. Throws InputError
 * for a path without a suite, or whose suite has the name of another.
 */
export async function withUserSuites(
  known: ReadonlyMap<string, Suite>,
  names: readonly string[],
): Promise<{ suites: Map<string, Suite>; names: string[] }> {
  const suites = new Map(known);
  const resolved: string[] = [];
  for (const name of names) {
    const userSuite = isPath(name) ? await loadUserSuite(name) : undefined;
    const namesake = userSuite && suites.get(userSuite.name);
    if (namesake && !isSame(namesake, userSuite)) {
      throw new InputError({
        what: `a suite named ${userSuite.name} is there already`,
        where: name,
        expected: 'a name that no other suite has',
        fix: 'set `name` in its suite.yaml',
      });
    }
    if (userSuite) suites.set(userSuite.name, userSuite);
    resolved.push(userSuite?.name ?? name);
  }
  return { suites, names: resolved };
}
