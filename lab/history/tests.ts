import type { TestHistory, TestPoint } from '../model/history.ts';
import { Verdict } from '../model/verdict.ts';
import { allNotes, isIgnored, notesOn, type StoredNote, shownNote } from './notes.ts';
import type { History } from './open.ts';
import type { Outcome } from './outcome.ts';
import {
  type Filter,
  type NamedTest,
  namedTests,
  POINT_COLUMNS,
  type PointRow,
  pointOf,
  runKeys,
  type Timeline,
  timelinesOf,
  trackOf,
} from './points.ts';
import { summaryOf, type TimelinePoint } from './timeline.ts';

/** A result with all that a timeline says of it. */
export interface ResultRow extends PointRow {
  verdict: string;
  outcome: Outcome;
  reason: string | null;
  failed: number;
  runs: number;
  payload: string;
}

/** Tests of one query: SQLite takes 32766 values in a statement. */
const TESTS_AT_ONCE = 5000;

/** The results of tests in runs, oldest first, reruns counted with the result that they confirm. */
export async function resultRows(
  { db }: History,
  tests: readonly NamedTest[],
  runs: readonly string[],
): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  for (let at = 0; at < tests.length; at += TESTS_AT_ONCE) {
    const ids = tests.slice(at, at + TESTS_AT_ONCE).map(({ id }) => id);
    const part = await db
      .selectFrom('results as x')
      .innerJoin('runs as r', 'r.key', 'x.run')
      .innerJoin('kernels as k', (join) => join.onRef('k.run', '=', 'x.run').onRef('k.id', '=', 'x.kernel'))
      .leftJoin('series as s', 's.id', 'k.series')
      .leftJoin('reruns as again', (join) =>
        join
          .onRef('again.run', '=', 'x.run')
          .onRef('again.kernel', '=', 'x.kernel')
          .onRef('again.test', '=', 'x.test'),
      )
      .select([...POINT_COLUMNS, 'x.verdict as verdict', 'x.outcome as outcome', 'x.reason as reason'])
      .select(['x.failed as failed', 'x.runs as runs', 'x.payload as payload'])
      .select(['again.failed as failed_again', 'again.runs as runs_again'])
      .where('x.test', 'in', ids)
      .orderBy('r.started_at')
      .orderBy('r.key')
      .orderBy('k.side')
      .orderBy('k.id')
      .execute();
    const wanted = new Set(runs);
    for (const { failed_again, runs_again, ...row } of part)
      if (wanted.has(row.run_key))
        rows.push({
          ...row,
          failed: row.failed + (failed_again ?? 0),
          runs: row.runs + (runs_again ?? 0),
        });
  }
  return rows;
}

/** One kernel with one suite; null where the kernel's build is not known. */
export const buildOf = ({ build_key, payload }: Pick<ResultRow, 'build_key' | 'payload'>): string | null =>
  build_key === null ? null : `${build_key}/${payload}`;

/** The rows of a timeline as its summary takes them. */
export const timelinePoints = (rows: readonly ResultRow[]) =>
  rows.map((row): TimelinePoint & { row: ResultRow } => ({
    ...{ outcome: row.outcome, failed: row.failed, runs: row.runs, build: buildOf(row), row },
  }));

function testPoint(row: ResultRow): TestPoint {
  return {
    ...pointOf(row),
    verdict: Verdict.parse(row.verdict),
    outcome: row.outcome,
    rate: { failed: row.failed, runs: row.runs },
    ...(row.reason === null ? {} : { reason: row.reason }),
  };
}

function testHistory(timeline: Timeline<ResultRow>, notes: readonly StoredNote[]): TestHistory {
  const { rate, flips, streak, flaky, failsSince, passedLast } = summaryOf(timelinePoints(timeline.rows));
  const here = notesOn(notes, { ...timeline.test, lineage: timeline.lineage });
  const points = timeline.rows.map(testPoint);
  return {
    ...trackOf(timeline),
    ...{ rate, flips, flaky },
    ...(streak ? { streak } : {}),
    ...(failsSince ? { failsSince: testPoint(failsSince.row) } : {}),
    ...(passedLast ? { passedLast: testPoint(passedLast.row) } : {}),
    notes: here.map(shownNote),
    ignored: isIgnored(here, points),
    points,
  };
}

/** The histories of the tests that have a name, or contain it: one for each source and series that they ran with. */
export async function testHistories(
  history: History,
  name: string,
  filter: Filter = {},
): Promise<TestHistory[]> {
  const tests = await namedTests(history, 'results', name, filter);
  const rows = await resultRows(history, tests, await runKeys(history, filter));
  const wanted = rows.filter(({ source }) => (filter.kernel ?? source) === source);
  const notes = await allNotes(history);
  return timelinesOf(tests, wanted).map((timeline) => testHistory(timeline, notes));
}
