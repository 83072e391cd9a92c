import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { cacheRoot, exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { nearNames } from '../core/near.ts';
import { projectRoot } from '../core/paths.ts';
import { type KernelSource, SourcesFile, USER_SOURCES } from '../model/kernel.ts';
import { parseYaml } from '../model/parse.ts';

/** A source with its name and who named it: ringlab (`own`), the user by `ringlab source add` (`user`), or a sources file (`file`). */
export type NamedSource = KernelSource & { name: string; from: 'own' | 'user' | 'file' };

/** Path of the file in which the user's sources are kept. */
export const userSourcesFile = () => join(cacheRoot(), USER_SOURCES);

/** The sources of a file; paths are absolute. Throws InputError with every mistake. */
export async function readSources(file: string): Promise<SourcesFile> {
  const sources = parseYaml(SourcesFile, await readFile(file, 'utf8'), file) ?? {};
  const absolute = Object.entries(sources).map(([name, source]): [string, KernelSource] => [
    name,
    source.path === undefined ? source : { ...source, path: resolve(dirname(file), source.path) },
  ]);
  return Object.fromEntries(absolute);
}

const named = (sources: SourcesFile, from: NamedSource['from']): NamedSource[] =>
  Object.entries(sources).map(([name, source]) => ({ ...source, name, from }));

/** Every source that has a name: those of ringlab, the user's, and those of `sourcesFile`, which replace earlier ones of the same name. */
export async function allSources(sourcesFile?: string): Promise<Map<string, NamedSource>> {
  if (sourcesFile !== undefined && !(await exists(sourcesFile)))
    throw new InputError({ what: 'there is no such sources file', where: sourcesFile });
  const userFile = userSourcesFile();
  const lists = [
    named(await readSources(join(projectRoot, 'kernels/sources.yaml')), 'own'),
    (await exists(userFile)) ? named(await readSources(userFile), 'user') : [],
    sourcesFile === undefined ? [] : named(await readSources(sourcesFile), 'file'),
  ];
  return new Map(lists.flat().map((source) => [source.name, source]));
}

/** A source by its name. Throws InputError, with the similar names, when there is none. */
export async function findSource(name: string, sourcesFile?: string): Promise<NamedSource> {
  const sources = await allSources(sourcesFile);
  const source = sources.get(name);
  if (source) return source;
  const names = [...sources.keys()];
  const near = nearNames(name, names);
  throw new InputError({
    what: `there is no kernel "${name}"`,
    expected: names.join(', '),
    fix:
      near[0] === undefined
        ? 'ringlab source add NAME names another one'
        : `did you mean ${near.join(' or ')}?`,
  });
}
