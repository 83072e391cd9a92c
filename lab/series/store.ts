import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot, exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import type { StageContext } from '../model/event.ts';
import { parseYaml } from '../model/parse.ts';
import { Series } from '../model/series.ts';
import { isRange } from './git-range.ts';
import { importSeries } from './import.ts';
import { type SeriesInfo, seriesFromFolder } from './info.ts';
import { checkName, NAME, nearNames } from './name.ts';

export interface ListedSeries {
  name: string;
  title: string;
  /** Under kernels/series/, or imported into the cache. */
  from: 'own' | 'imported';
  patches: number;
  version: number;
  id: string;
}

export interface FoundSeries {
  series: Series;
  /** Only of a folder with a series.yaml. */
  info?: SeriesInfo;
}

/** Where the series lie that the project carries. */
export const OWN_SERIES = join(projectRoot, 'kernels/series');

const importedDir = () => join(cacheRoot(), 'series');
const importedFile = (name: string) => join(importedDir(), `${name}.json`);

/** Names under a folder, or none when it is not there. */
async function entriesOf(dir: string): Promise<{ name: string; folder: boolean }[]> {
  const found = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return found.map((entry) => ({ name: entry.name, folder: entry.isDirectory() }));
}

async function namesOf(ownDir: string): Promise<{ own: string[]; imported: string[] }> {
  const own = (await entriesOf(ownDir)).filter(({ folder }) => folder).map(({ name }) => name);
  const imported = (await entriesOf(importedDir()))
    .filter(({ name }) => name.endsWith('.json'))
    .map(({ name }) => name.slice(0, -'.json'.length));
  return { own: own.sort(), imported: imported.sort() };
}

/** Keeps an imported series under its name, in place of an older one of that name; returns the file. */
export async function saveSeries(series: Series): Promise<string> {
  checkName(series.name);
  const file = importedFile(series.name);
  await writeJson(file, series);
  return file;
}

async function loadImported(name: string): Promise<Series> {
  const file = importedFile(name);
  return parseYaml(Series, await readFile(file, 'utf8'), file, 'import it again');
}

/** Every series that has a name, our own first. One that cannot be read is told of and left out. */
export async function listSeries(ctx: StageContext, ownDir = OWN_SERIES): Promise<ListedSeries[]> {
  const { own, imported } = await namesOf(ownDir);
  const read = async (name: string, from: ListedSeries['from'], load: () => Promise<Series>) => {
    try {
      const { title, patches, version, id } = await load();
      return [{ name, title, from, patches: patches.length, version, id }];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      ctx.emit({ type: 'note', note: { code: 'series.unreadable', subject: name, message: error.message } });
      return [];
    }
  };
  const lists = await Promise.all([
    ...own.map((name) =>
      read(name, 'own', async () => (await seriesFromFolder(join(ownDir, name), { name }, ctx)).series),
    ),
    ...imported.map((name) => read(name, 'imported', () => loadImported(name))),
  ]);
  return lists.flat();
}

/**
 * Looks a series up: a name under kernels/series/, an imported name, then a path or git range that importSeries takes.
 * InputError with the names most like it when there is none.
 */
export async function findSeries(
  nameOrPath: string,
  ctx: StageContext,
  ownDir = OWN_SERIES,
): Promise<FoundSeries> {
  if (NAME.test(nameOrPath)) {
    const folder = join(ownDir, nameOrPath);
    if (await exists(folder)) return seriesFromFolder(folder, { name: nameOrPath }, ctx);
    if (await exists(importedFile(nameOrPath))) return { series: await loadImported(nameOrPath) };
  }
  if (await exists(join(nameOrPath, 'series.yaml'))) return seriesFromFolder(nameOrPath, {}, ctx);
  if ((await exists(nameOrPath)) || isRange(nameOrPath))
    return { series: await importSeries(nameOrPath, {}, ctx) };
  const { own, imported } = await namesOf(ownDir);
  const near = nearNames(nameOrPath, [...own, ...imported]);
  throw new InputError({
    what: `there is no series "${nameOrPath}"`,
    expected: near.length > 0 ? `perhaps ${near.join(' or ')}` : 'a name of `ringlab series list`, or a path',
    fix: 'ringlab series import SOURCE',
  });
}

/** Name of the source that a stack is for: what the last of them says that says anything. */
export const baseOf = (stack: readonly FoundSeries[]): string | undefined =>
  stack.findLast(({ info }) => info !== undefined)?.info?.base;

/** The series as one that `needs` another, by name. InputError when there is none of that name, or when that one needs this one. */
export async function needing(
  series: Series,
  needs: string,
  ctx: StageContext,
  ownDir = OWN_SERIES,
): Promise<Series> {
  const where = '--needs';
  // By name: a path would be looked for somewhere else the next time.
  if (!NAME.test(needs))
    throw new InputError({
      what: `"${needs}" is not a name`,
      where,
      expected: 'one of `ringlab series list`',
    });
  const stack = await resolveStack(needs, ctx, ownDir);
  if (stack.some(({ series: { name } }) => name === series.name))
    throw new InputError({
      what: `${needs} needs ${series.name} itself`,
      where,
      fix: 'give it another --name',
    });
  return { ...series, needs };
}

/** The series and all that it needs, in the order to apply them. InputError when they need one another in a circle. */
export async function resolveStack(
  nameOrPath: string,
  ctx: StageContext,
  ownDir = OWN_SERIES,
): Promise<FoundSeries[]> {
  const stack: FoundSeries[] = [];
  const names: string[] = [];
  for (let next: string | undefined = nameOrPath; next !== undefined; ) {
    if (names.includes(next)) {
      throw new InputError({ what: `series need one another in a circle: ${[...names, next].join(' -> ')}` });
    }
    names.push(next);
    const found: FoundSeries = await findSeries(next, ctx, ownDir);
    stack.unshift(found);
    next = found.info?.needs ?? found.series.needs;
  }
  return stack;
}
