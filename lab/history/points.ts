import type { HistoryPoint, SeriesVersion } from '../model/history.ts';
import type { History } from './open.ts';

/** Which results of the history are looked at. */
export interface Filter {
  /** The newest runs that are looked at; absent: all. */
  last?: number | undefined;
  /** Guest profile, suite, and source of the kernels. */
  guest?: string | undefined;
  suite?: string | undefined;
  kernel?: string | undefined;
}

/** A test or figure by its name on a guest profile in a suite. */
export interface NamedTest {
  id: string;
  profile: string;
  suite: string;
  name: string;
}

/** Keys of the runs that a filter takes, newest first. */
export async function runKeys({ db }: History, { last }: Filter): Promise<string[]> {
  const query = db.selectFrom('runs').select('key').orderBy('started_at', 'desc').orderBy('key', 'desc');
  const rows = await (last === undefined ? query : query.limit(last)).execute();
  return rows.map(({ key }) => key);
}

/**
 * The tests or figures (`of`) that have a name, or whose name contains it when none has. Compared here, since the databases differ in how
 * they compare text.
 */
export async function namedTests(
  { db }: History,
  of: 'results' | 'figures',
  name: string,
  { guest, suite }: Filter,
): Promise<NamedTest[]> {
  const all = await db
    .selectFrom('tests')
    .selectAll()
    .where('id', 'in', db.selectFrom(of).select('test'))
    .execute();
  const here = all.filter(
    (test) => (guest ?? test.profile) === test.profile && (suite ?? test.suite) === test.suite,
  );
  const exact = here.filter((test) => test.name === name);
  const matching = exact.length > 0 ? exact : here.filter((test) => test.name.includes(name));
  const place = ({ name, profile, suite }: NamedTest) => `${name}\0${profile}\0${suite}`;
  return matching.sort((a, b) => (place(a) < place(b) ? -1 : 1));
}

/** What every point of a timeline is read from. */
export interface PointRow {
  test: string;
  run_key: string;
  run_id: string;
  started_at: string;
  kernel_name: string;
  side: 'base' | 'patched';
  source: string;
  release: string | null;
  build_key: string | null;
  series_id: string | null;
  lineage: string | null;
  series_name: string | null;
  title: string | null;
  version: number | null;
}

/** The columns of `PointRow`, for a query that joins runs `r`, kernels `k`, series `s` and the results or figures `x`. */
export const POINT_COLUMNS = [
  ...(['x.test as test', 'r.key as run_key', 'r.id as run_id', 'r.started_at as started_at'] as const),
  'k.name as kernel_name',
  ...(['k.side as side', 'k.source as source', 'k.release as release', 'k.build_key as build_key'] as const),
  ...(['s.id as series_id', 's.lineage as lineage', 's.name as series_name', 's.title as title'] as const),
  's.version as version',
] as const;

/** A version of a series from the columns of a row; undefined for a row without one. */
export function versionOf(
  row: Pick<PointRow, 'series_id' | 'series_name' | 'title' | 'version'>,
): SeriesVersion | undefined {
  const { series_id: id, series_name: name, title, version } = row;
  if (id === null) return undefined;
  return { id, name: name ?? '', title: title ?? '', ...(version === null ? {} : { version }) };
}

/** The point of a row, for output. */
export function pointOf(row: PointRow): HistoryPoint {
  const series = versionOf(row);
  return {
    run: row.run_id,
    startedAt: row.started_at,
    kernel: row.kernel_name,
    side: row.side,
    ...(row.release === null ? {} : { release: row.release }),
    ...(row.build_key === null ? {} : { buildKey: row.build_key }),
    ...(series ? { series } : {}),
  };
}

/** A timeline: the rows of one test on kernels of one source, with one series in any version or with none. */
export interface Timeline<R extends PointRow> {
  test: NamedTest;
  source: string;
  lineage: string | null;
  /** Title of the newest version of the series. */
  series?: string;
  rows: R[];
}

/** Divides rows, which are sorted by age, into timelines. */
export function timelinesOf<R extends PointRow>(
  tests: readonly NamedTest[],
  rows: readonly R[],
): Timeline<R>[] {
  const byId = new Map(tests.map((test) => [test.id, test]));
  const timelines = new Map<string, Timeline<R>>();
  for (const row of rows) {
    const test = byId.get(row.test);
    if (!test) continue;
    const { source, lineage } = row;
    const key = JSON.stringify([row.test, source, lineage]);
    const timeline = timelines.get(key) ?? { test, source, lineage, rows: [] };
    timeline.rows.push(row);
    if (row.title !== null) timeline.series = row.title;
    timelines.set(key, timeline);
  }
  const order = new Map(tests.map(({ id }, index) => [id, index]));
  return [...timelines.values()].sort((a, b) => (order.get(a.test.id) ?? 0) - (order.get(b.test.id) ?? 0));
}

/** What names a timeline in output. */
export const trackOf = ({ test, source, series }: Timeline<PointRow>) => {
  const { profile, suite, name } = test;
  return { profile, suite, name, source, ...(series === undefined ? {} : { series }) };
};
