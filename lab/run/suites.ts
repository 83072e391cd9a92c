import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { parseYaml } from '../model/parse.ts';
import { SuiteInfo } from '../model/suite.ts';

/** Facts of every suite under `suites/`, by name. */
export async function loadSuites(folder = join(projectRoot, 'suites')): Promise<Map<string, SuiteInfo>> {
  const suites = new Map<string, SuiteInfo>();
  for (const entry of (await readdir(folder)).sort()) {
    const file = join(folder, entry, 'suite.yaml');
    if (!(await exists(file))) continue;
    const info = parseYaml(SuiteInfo, await readFile(file, 'utf8'), file);
    if (info.name !== entry) {
      throw new InputError({
        what: `suite is named ${info.name}`,
        where: file,
        expected: `the name of its folder, ${entry}`,
      });
    }
    suites.set(info.name, info);
  }
  return suites;
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
