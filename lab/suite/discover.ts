import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { parseYaml } from '../model/parse.ts';
import { type Suite, SuiteInfo } from '../model/suite.ts';

async function readInfo(file: string): Promise<SuiteInfo> {
  return parseYaml(SuiteInfo, await readFile(file, 'utf8'), file);
}

/** Every suite in a folder (default: `suites/`), by name. Throws InputError for a malformed `suite.yaml` or another name than the folder's. */
export async function loadSuites(folder = join(projectRoot, 'suites')): Promise<Map<string, Suite>> {
  const suites = new Map<string, Suite>();
  for (const entry of (await readdir(folder)).sort()) {
    const dir = join(folder, entry);
    const file = join(dir, 'suite.yaml');
    if (!(await exists(file))) continue;
    const info = await readInfo(file);
    if (info.name !== entry) {
      throw new InputError({
        what: `suite is named ${info.name}`,
        where: file,
        expected: `the name of its folder, ${entry}`,
      });
    }
    suites.set(info.name, { ...info, dir });
  }
  return suites;
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

async function folderSuite(dir: string): Promise<Suite> {
  const file = join(dir, 'suite.yaml');
  const info = (await exists(file)) ? await readInfo(file) : SuiteInfo.parse({ name: nameOf(dir) });
  if (info.run || (await exists(join(dir, 'index.ts')))) return { ...info, dir };
  throw new InputError({
    what: 'no suite',
    where: dir,
    expected: 'an index.ts with tests, or a suite.yaml whose `run` names a program',
    fix: 'ringlab suite new FOLDER makes a suite to start from',
  });
}

/**
 * The user's suite at a path: a folder with `index.ts` or `suite.yaml`, or a program that is the whole suite. Throws InputError when
 * the path is neither.
 */
export async function loadUserSuite(path: string): Promise<Suite> {
  const full = resolve(path);
  const stats = await stat(full).catch(() => undefined);
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
    if (namesake && namesake.dir !== userSuite.dir) {
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
