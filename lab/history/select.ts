import { InputError } from '../core/errors.ts';
import { nearNames } from '../core/near.ts';
import type { HistorySide, SeriesVersion } from '../model/history.ts';
import type { History } from './open.ts';
import type { RunsTable } from './schema.ts';

/** Results that are compared: of runs, on the kernels of one side. */
export interface Selection {
  side: HistorySide;
  /** Keys of the runs, oldest first. */
  keys: string[];
  /** `tested`: patched kernels, or all of a run without. */
  kernels: 'base' | 'tested';
  lineage: string | null;
}

/** A version of a series with its lineage. */
export interface StoredVersion extends SeriesVersion {
  lineage: string;
  /** When it was first run. */
  firstRun: string;
}

type RunRow = Pick<RunsTable, 'key' | 'id' | 'started_at' | 'series'>;

const allRuns = ({ db }: History): Promise<RunRow[]> =>
  db
    .selectFrom('runs')
    .select(['key', 'id', 'started_at', 'series'])
    .orderBy('started_at')
    .orderBy('key')
    .execute();

/** All versions of all series in the order of their numbers, those of one number in the order in which they were run. */
export async function storedVersions({ db }: History): Promise<StoredVersion[]> {
  const rows = await db
    .selectFrom('series as s')
    .innerJoin('runs as r', 'r.series', 's.id')
    .select(({ fn }) => [
      's.id',
      's.lineage',
      's.name',
      's.title',
      's.version',
      fn.min('r.started_at').as('first'),
    ])
    .groupBy(['s.id', 's.lineage', 's.name', 's.title', 's.version'])
    .execute();
  return rows
    .map(({ id, lineage, name, title, version, first }) => {
      return { id, lineage, name, title, firstRun: first, ...(version === null ? {} : { version }) };
    })
    .sort((a, b) => (a.version ?? 0) - (b.version ?? 0) || (a.firstRun < b.firstRun ? -1 : 1));
}

const shownVersion = ({ id, name, title, version }: StoredVersion): SeriesVersion => ({
  ...{ id, name, title },
  ...(version === undefined ? {} : { version }),
});

/** Runs of a version: `NAME@v2`, or `NAME@3f2a` by the first digits of the series' id. */
async function selectVersion(history: History, text: string): Promise<Selection> {
  const [name = '', which = ''] = text.split(/@(?=[^@]*$)/);
  const versions = await storedVersions(history);
  const named = versions.filter((each) => each.name === name || each.title === name);
  const lineages = new Set(named.map(({ lineage }) => lineage));
  const family = versions.filter(({ lineage }) => lineages.has(lineage));
  const number = /^v(\d+)$/.exec(which)?.[1];
  const found = family
    .filter(({ id, version }) => (number === undefined ? id.startsWith(which) : version === Number(number)))
    .at(-1);
  if (!found || which === '') {
    const known = (family.length > 0 ? family : versions).map((each) => {
      return `${each.name}@${each.version === undefined ? each.id.slice(0, 8) : `v${each.version}`}`;
    });
    throw new InputError({
      what: `the history has no version "${which}" of a series "${name}"`,
      expected:
        known.length > 0 ? `one of ${[...new Set(known)].join(', ')}` : 'a run with a series, imported first',
    });
  }
  const runs = (await allRuns(history)).filter(({ series }) => series === found.id);
  return {
    side: { label: text, runs: runs.map(({ id }) => id), series: shownVersion(found) },
    ...{ keys: runs.map(({ key }) => key), kernels: 'tested', lineage: found.lineage },
  };
}

/** The run of an id, the beginning of an id that no other has, or `latest`. Throws InputError when there is none. */
export async function findHistoryRun(history: History, name: string): Promise<RunRow> {
  const runs = await allRuns(history);
  const exact =
    name === 'latest' ? runs.slice(-1) : runs.filter(({ id, key }) => id === name || key === name);
  const found = exact.length > 0 ? exact : runs.filter(({ id }) => name !== '' && id.startsWith(name));
  const [run, ...others] = found;
  if (run && others.length === 0) return run;
  const ids =
    found.length > 0
      ? found.map(({ key }) => key)
      : nearNames(
          name,
          runs.map(({ id }) => id),
        );
  throw new InputError({
    what: run ? `${found.length} runs are called "${name}"` : `the history has no run "${name}"`,
    expected: ids.length > 0 ? `perhaps ${ids.slice(0, 5).join(' or ')}` : 'a run of `ringlab results list`',
    ...(run ? {} : { fix: 'ringlab results import adds the runs of a folder' }),
  });
}

/**
 * The results that a text names: a run by its id, by the beginning of it, or `latest`; `RUN:base` for its base; or all runs of a version of a
 * series, `NAME@v2`. Throws InputError, with what there is, for anything else.
 */
export async function select(history: History, text: string): Promise<Selection> {
  if (text.includes('@')) return selectVersion(history, text);
  const [name, kernels] = text.endsWith(':base')
    ? [text.slice(0, -5), 'base' as const]
    : [text, 'tested' as const];
  const run = await findHistoryRun(history, name);
  const version = (await storedVersions(history)).find(({ id }) => id === run.series);
  const isOfSeries = version !== undefined && kernels === 'tested';
  return {
    side: { label: text, runs: [run.id], ...(isOfSeries ? { series: shownVersion(version) } : {}) },
    ...{ keys: [run.key], kernels, lineage: isOfSeries ? version.lineage : null },
  };
}
