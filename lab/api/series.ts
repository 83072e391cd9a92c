import type { Series } from '../model/series.ts';
import * as stage from '../series/index.ts';
import { checkOptions } from './check.ts';
import { inContext } from './context.ts';
import type { ImportOptions, WorkOptions } from './options.ts';

/**
 * Reads a series from an mbox (plain or gzip), a patch, a folder of patches, a git range `BASE..TIP` or a saved thread page, and keeps
 * it in the cache, where `run({ series: name })` finds it. Throws InputError when the source has no series, or a patch is malformed.
 *
 * @example
 * const series = await importSeries('./thread.mbox.gz', { name: 'queue-depth' });
 * console.log(series.title, series.patches.length, series.missing);
 */
export async function importSeries(source: string, options: ImportOptions = {}): Promise<Series> {
  const {
    name,
    version,
    repo,
    needs,
    strict,
    save = true,
  } = checkOptions('importSeries', options, 'importSeries(source, options)');
  return inContext(options, async (ctx) => {
    const read = await stage.importSeries(source, { name, version, repo, strict }, ctx);
    const series = needs === undefined ? read : await stage.withNeeds(read, needs, ctx);
    if (save) await stage.saveSeries(series);
    return series;
  });
}

/**
 * Looks a series up by its name or path, as `run({ series })` does. `info` has the suites and guests that test a series of ringlab;
 * other series have none. Throws InputError with the most similar names when there is no such series.
 *
 * @example
 * const { series, info } = await findSeries('sqe-group');
 * console.log(series.patches.map(({ subject }) => subject), info?.suites);
 */
export async function findSeries(nameOrPath: string, options: WorkOptions = {}): Promise<stage.LoadedSeries> {
  checkOptions('work', options, 'findSeries(series, options)');
  return inContext(options, async (ctx) => {
    const { series, info } = await stage.findSeries(nameOrPath, ctx);
    return info ? { series: { ...series, needs: info.needs ?? series.needs }, info } : { series };
  });
}

/**
 * Every series that has a name: those of ringlab, then those imported. A series that cannot be read is left out, with an event `note`.
 *
 * @example
 * for (const { name, patches } of await listSeries()) console.log(name, patches);
 */
export async function listSeries(options: WorkOptions = {}): Promise<stage.ListedSeries[]> {
  checkOptions('work', options, 'listSeries(options)');
  return inContext(options, (ctx) => stage.listSeries(ctx));
}

/**
 * The series up to its `count`-th patch, for a build or a run of one step of it; its name is `<name>-<count>`. Throws InputError when
 * the series does not have so many patches.
 *
 * @example
 * const { series } = await findSeries('sqe-group');
 * await run({ series: firstPatches(series, 2), suites: ['sqe-group'] });
 */
export const firstPatches: (series: Series, count: number) => Series = stage.firstPatches;

/**
 * The series as the text of an mbox that `git am` takes.
 *
 * @example
 * const { series } = await findSeries('sqe-group');
 * await writeFile('sqe-group.mbox', formatMbox(series));
 */
export const formatMbox: (series: Series) => string = stage.writeMbox;
