import type { MetricHistory } from '../model/history.ts';
import { changePoints, shareOf, USUAL_NOISE } from './change-points.ts';
import type { History } from './open.ts';
import {
  type Filter,
  namedTests,
  POINT_COLUMNS,
  type PointRow,
  pointOf,
  runKeys,
  type Timeline,
  timelinesOf,
  trackOf,
} from './points.ts';

interface FigureRow extends PointRow {
  value: number;
  unit: string;
  better: 'lower' | 'higher' | 'none';
  noise: number | null;
}

async function figureRows(
  { db }: History,
  ids: readonly string[],
  runs: readonly string[],
): Promise<FigureRow[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom('figures as x')
    .innerJoin('runs as r', 'r.key', 'x.run')
    .innerJoin('kernels as k', (join) => join.onRef('k.run', '=', 'x.run').onRef('k.id', '=', 'x.kernel'))
    .leftJoin('series as s', 's.id', 'k.series')
    .select([...POINT_COLUMNS, 'x.value as value', 'x.unit as unit', 'x.better as better'])
    .select('x.noise as noise')
    .where('x.test', 'in', ids)
    .orderBy('r.started_at')
    .orderBy('r.key')
    .orderBy('k.side')
    .orderBy('k.id')
    .execute();
  const wanted = new Set(runs);
  return rows.filter(({ run_key }) => wanted.has(run_key));
}

function verdictOf(share: number, better: FigureRow['better']): 'better' | 'worse' | 'changed' {
  if (better === 'none') return 'changed';
  return share < 0 === (better === 'lower') ? 'better' : 'worse';
}

function metricHistory(timeline: Timeline<FigureRow>): MetricHistory {
  const { rows } = timeline;
  const { unit = '', better = 'none' } = rows.at(-1) ?? {};
  const noise = Math.max(USUAL_NOISE, ...rows.map((row) => row.noise ?? 0));
  const points = rows.map((row) => ({ ...pointOf(row), value: row.value }));
  const values = rows.map(({ value }) => value);
  const changes = changePoints(values, { noise }).flatMap(({ index, before, after }) => {
    const at = points[index];
    const share = shareOf({ before, after });
    return at ? [{ index, at, before, after, share, verdict: verdictOf(share, better) }] : [];
  });
  return { ...trackOf(timeline), unit, better, noise, points, changes };
}

/** The histories of the metrics that have a name, or contain it, with their change points. A change of unit begins another history. */
export async function metricHistories(
  history: History,
  name: string,
  filter: Filter = {},
): Promise<MetricHistory[]> {
  const metrics = await namedTests(history, 'figures', name, filter);
  const rows = await figureRows(
    history,
    metrics.map(({ id }) => id),
    await runKeys(history, filter),
  );
  const wanted = rows.filter(({ source }) => (filter.kernel ?? source) === source);
  const units = [...new Set(wanted.map(({ unit }) => unit))];
  return units
    .flatMap((unit) =>
      timelinesOf(
        metrics,
        wanted.filter((row) => row.unit === unit),
      ),
    )
    .map(metricHistory);
}
