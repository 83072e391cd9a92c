import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot, exists } from '../core/cache.ts';
import { errorText, InputError, LabError, type Problem } from '../core/errors.ts';
import { nearNames } from '../core/near.ts';
import { projectRoot } from '../core/paths.ts';
import type { StageContext } from '../model/event.ts';
import { parseYaml } from '../model/parse.ts';
import { Series } from '../model/series.ts';
import { seriesId } from './assemble.ts';
import { isRange } from './git-range.ts';
import { type LoadedSeries, loadSeries } from './import.ts';
import { checkName, NAME } from './name.ts';

/** A series as `listSeries` gives it. */
export interface ListedSeries {
  name: string;
  title: string;
  /** `own`: under kernels/series/; `imported`: in the cache. */
  from: 'own' | 'imported';
  /** Number of patches, foreign ones left out. */
  patches: number;
  version: number;
  id: string;
}

/** Folder of the series that are part of the project. */
const OWN_SERIES = join(projectRoot, 'kernels/series');

/** Imported series exist only in the cache, so that a damaged one cannot be made again from it. */
const IMPORT_AGAIN = 'import it again: ringlab series import SOURCE';

const importedDir = () => join(cacheRoot(), 'series');
const importedFile = (name: string) => join(importedDir(), `${name}.json`);

/** Entries of a folder; none when it does not exist. */
async function entriesOf(dir: string): Promise<{ name: string; folder: boolean }[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return entries.map((entry) => ({ name: entry.name, folder: entry.isDirectory() }));
}

async function namesOf(ownDir: string): Promise<{ ownNames: string[]; importedNames: string[] }> {
  const ownNames = (await entriesOf(ownDir)).filter(({ folder }) => folder).map(({ name }) => name);
  const importedNames = (await entriesOf(importedDir()))
    .filter(({ name }) => name.endsWith('.json'))
    .map(({ name }) => name.slice(0, -'.json'.length));
  return { ownNames: ownNames.sort(), importedNames: importedNames.sort() };
}

/** Saves an imported series under its name, replacing an earlier one. Returns the file. Throws InputError for an invalid name. */
export async function saveSeries(series: Series): Promise<string> {
  checkName(series.name);
  const file = importedFile(series.name);
  await writeJson(file, series);
  return file;
}

/** An imported series of the cache. Throws LabError when it cannot be read. */
function readImported(text: string, file: string): Series {
  try {
    return parseYaml(Series, text, file);
  } catch (error) {
    const first = errorText(error).split('\n')[0];
    throw new LabError(`the imported series is damaged: ${first}\n  fix: ${IMPORT_AGAIN}`, { cause: error });
  }
}

/**
 * Reads an imported series. Throws LabError for a file that is not as it was saved: a patch that changed on the disk would fail to
 * apply, which would look like a fault of the series.
 */
async function loadImported(name: string): Promise<Series> {
  const file = importedFile(name);
  const series = readImported(await readFile(file, 'utf8'), file);
  if (seriesId(series.patches) === series.id) return series;
  throw new LabError(`${file}: the patches are not as they were saved\n  fix: ${IMPORT_AGAIN}`);
}

/** Every series that can be used by name, those of the project first. One that cannot be read is left out, with a note. */
export async function listSeries(ctx: StageContext, ownDir = OWN_SERIES): Promise<ListedSeries[]> {
  const { ownNames, importedNames } = await namesOf(ownDir);
  const listOne = async (name: string, from: ListedSeries['from'], load: () => Promise<Series>) => {
    try {
      const { title, patches, version, id } = await load();
      return [{ name, title, from, patches: patches.length, version, id }];
    } catch (error) {
      if (!(error instanceof InputError || error instanceof LabError)) throw error;
      ctx.emit({ type: 'note', note: { code: 'series.unreadable', subject: name, message: error.message } });
      return [];
    }
  };
  const lists = await Promise.all([
    ...ownNames.map((name) =>
      listOne(name, 'own', async () => (await loadSeries(join(ownDir, name), { name }, ctx)).series),
    ),
    ...importedNames.map((name) => listOne(name, 'imported', () => loadImported(name))),
  ]);
  return lists.flat();
}

/** The ids of the project's series. */
export async function ownSeriesIds(ctx: StageContext, ownDir = OWN_SERIES): Promise<string[]> {
  const { ownNames } = await namesOf(ownDir);
  const loaded = ownNames.map((name) => loadSeries(join(ownDir, name), { name }, ctx));
  return (await Promise.all(loaded)).map(({ series }) => series.id);
}

/** Names of series that need one of `names`, each with the series that it needs. Those that cannot be read need none. */
async function dependentsOf(names: readonly string[], ctx: StageContext, ownDir: string) {
  const { ownNames, importedNames } = await namesOf(ownDir);
  const load = async (name: string): Promise<LoadedSeries> =>
    ownNames.includes(name)
      ? loadSeries(join(ownDir, name), { name }, ctx)
      : { series: await loadImported(name) };
  const others = [...ownNames, ...importedNames].filter((name) => !names.includes(name));
  const found = await Promise.all(
    others.map(async (name) => {
      const loaded = await load(name).catch((error) => {
        if (!(error instanceof InputError || error instanceof LabError)) throw error;
      });
      const needs = loaded?.info?.needs ?? loaded?.series.needs;
      // A series of the project that has the same name stays.
      const isLost = needs !== undefined && names.includes(needs) && !ownNames.includes(needs);
      return isLost ? [{ name, needs }] : [];
    }),
  );
  return found.flat();
}

/** What is wrong with the name of a series that is to be removed. */
async function removalProblem(name: string, ownDir: string): Promise<Problem[]> {
  const { ownNames, importedNames } = await namesOf(ownDir);
  if (importedNames.includes(name)) return [];
  if (ownNames.includes(name))
    return [{ what: `${name} is part of ringlab`, expected: 'the name of an imported series' }];
  const near = nearNames(name, importedNames);
  const expected =
    near.length > 0 ? `perhaps ${near.join(' or ')}` : 'an imported series of `ringlab series list`';
  return [{ what: `there is no imported series "${name}"`, expected }];
}

/**
 * Removes imported series from the cache, also damaged ones. Returns their names. Throws one InputError, and removes nothing, when a name is
 * not that of an imported series, or a series that stays needs one of them.
 */
export async function removeSeries(
  names: readonly string[],
  ctx: StageContext,
  ownDir = OWN_SERIES,
): Promise<string[]> {
  const unique = [...new Set(names)];
  const problems = (await Promise.all(unique.map((name) => removalProblem(name, ownDir)))).flat();
  for (const { name, needs } of await dependentsOf(unique, ctx, ownDir))
    problems.push({
      what: `${name} needs ${needs}`,
      fix: `remove both: ringlab series remove ${needs} ${name}`,
    });
  if (problems.length > 0) throw new InputError(problems);
  for (const name of unique) await rm(importedFile(name));
  return unique;
}

/**
 * Looks a series up: by a name under kernels/series/, an imported name, then as a path or git range for `loadSeries`; `repo`: the
 * repository of a range, default the current folder. Throws
 * InputError with the most similar names when there is none, or when the series cannot be read.
 */
export async function findSeries(
  nameOrPath: string,
  ctx: StageContext,
  ownDir = OWN_SERIES,
  repo?: string,
): Promise<LoadedSeries> {
  if (NAME.test(nameOrPath)) {
    const folder = join(ownDir, nameOrPath);
    if (await exists(folder)) return loadSeries(folder, { name: nameOrPath }, ctx);
    if (await exists(importedFile(nameOrPath))) return { series: await loadImported(nameOrPath) };
  }
  if ((await exists(nameOrPath)) || isRange(nameOrPath))
    return loadSeries(nameOrPath, repo === undefined ? {} : { repo }, ctx);
  const { ownNames, importedNames } = await namesOf(ownDir);
  const near = nearNames(nameOrPath, [...ownNames, ...importedNames]);
  throw new InputError({
    what: `there is no series "${nameOrPath}"`,
    expected: near.length > 0 ? `perhaps ${near.join(' or ')}` : 'a name of `ringlab series list`, or a path',
    fix: 'ringlab series import SOURCE',
  });
}
