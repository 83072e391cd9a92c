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

/** Every suite under `suites/`, by name. */
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

/** Is it the path of a suite rather than the name of one? */
export const isPath = (suite: string) => suite.includes('/') || suite === '.' || suite === '..';

/** A file or folder name as a suite's name: `io_uring-NOP.t` -> `io-uring-nop-t`. */
function nameOf(path: string): string {
  const name = basename(path)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '');
  return name || 'suite';
}

async function folderSuite(dir: string): Promise<Suite> {
  const file = join(dir, 'suite.yaml');
  const given = (await exists(file)) ? await readInfo(file) : undefined;
  const info = given ?? SuiteInfo.parse({ name: nameOf(dir) });
  if (info.run || (await exists(join(dir, 'index.ts')))) return { ...info, dir };
  throw new InputError({
    what: 'no suite',
    where: dir,
    expected: 'an index.ts with tests, or a suite.yaml whose `run` names a program',
    fix: 'ringlab suite new FOLDER makes one to start from',
  });
}

/** A suite of the user's own: a folder with `index.ts` or `suite.yaml`, or a program that is the whole suite. */
export async function loadUserSuite(path: string): Promise<Suite> {
  const place = resolve(path);
  const found = await stat(place).catch(() => undefined);
  if (found?.isDirectory()) return folderSuite(place);
  if (found?.isFile() && found.mode & 0o111) {
    const info = SuiteInfo.parse({ name: nameOf(place), run: [basename(place)] });
    return { ...info, dir: dirname(place) };
  }
  throw new InputError({
    what: found ? 'the file is not executable' : 'no such file or folder',
    where: path,
    expected: 'the folder of a suite, or a program',
    fix: found ? `chmod +x ${path}` : undefined,
  });
}

/** The suites that `names` speaks of: those known, and the user's own, which must not take a known one's name. */
export async function withUserSuites(
  known: ReadonlyMap<string, Suite>,
  names: readonly string[],
): Promise<{ suites: Map<string, Suite>; names: string[] }> {
  const suites = new Map(known);
  const resolved: string[] = [];
  for (const name of names) {
    const own = isPath(name) ? await loadUserSuite(name) : undefined;
    const other = own && suites.get(own.name);
    if (other && other.dir !== own.dir) {
      throw new InputError({
        what: `a suite named ${own.name} is there already`,
        where: name,
        expected: 'a name of its own',
        fix: 'give it a name in its suite.yaml',
      });
    }
    if (own) suites.set(own.name, own);
    resolved.push(own?.name ?? name);
  }
  return { suites, names: resolved };
}

/** Looks names up and tells of every unknown one at once. */
export function pick<T>(known: ReadonlyMap<string, T>, names: readonly string[], option: string): T[] {
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new InputError(
      unknown.map((name) => ({
        what: `unknown name "${name}"`,
        where: option,
        expected: `one of ${[...known.keys()].join(', ')}`,
      })),
    );
  }
  return names.flatMap((name) => known.get(name) ?? []);
}
