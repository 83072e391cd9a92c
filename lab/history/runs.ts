import type { HistoryRun } from '../model/history.ts';
import type { History } from './open.ts';
import { versionOf } from './points.ts';
import type { KernelsTable } from './schema.ts';

interface Counts {
  passed: number;
  failed: number;
  other: number;
}

const OUTCOME_FIELDS = { pass: 'passed', fail: 'failed', none: 'other' } as const;

/** How many tests of each kernel passed and failed, by run and kernel. */
async function countsOf({ db }: History, keys: readonly string[]): Promise<Map<string, Counts>> {
  const rows = await db
    .selectFrom('results')
    .select(({ fn }) => ['run', 'kernel', 'outcome', fn.countAll().as('count')])
    .where('run', 'in', keys)
    .groupBy(['run', 'kernel', 'outcome'])
    .execute();
  const counts = new Map<string, Counts>();
  for (const { run, kernel, outcome, count } of rows) {
    const key = JSON.stringify([run, kernel]);
    const sum = counts.get(key) ?? { passed: 0, failed: 0, other: 0 };
    // PostgreSQL counts in bigint, which comes as text.
    counts.set(key, { ...sum, [OUTCOME_FIELDS[outcome]]: Number(count) });
  }
  return counts;
}

const kernelOf = (
  kernel: KernelsTable,
  counts: ReadonlyMap<string, Counts>,
): HistoryRun['kernels'][number] => ({
  name: kernel.name,
  side: kernel.side,
  ...(kernel.release === null ? {} : { release: kernel.release }),
  ...(kernel.failure === null ? {} : { failure: kernel.failure }),
  ...(counts.get(JSON.stringify([kernel.run, kernel.id])) ?? { passed: 0, failed: 0, other: 0 }),
});

/** Runs by their keys, newest first. At most 10,000. */
export async function runsByKey(history: History, keys: readonly string[]): Promise<HistoryRun[]> {
  if (keys.length === 0) return [];
  const { db } = history;
  const runs = await db
    .selectFrom('runs as r')
    .leftJoin('series as s', 's.id', 'r.series')
    .select(['r.key', 'r.id', 'r.started_at', 'r.seconds', 'r.state', 'r.exit_code', 'r.folder'])
    .select(['s.id as series_id', 's.name as series_name', 's.title as title', 's.version as version'])
    .where('r.key', 'in', keys)
    .orderBy('r.started_at', 'desc')
    .orderBy('r.key', 'desc')
    .execute();
  const kernels = await db.selectFrom('kernels').selectAll().where('run', 'in', keys).execute();
  const counts = await countsOf(history, keys);
  return runs.map((run) => {
    const series = versionOf(run);
    return {
      ...{ id: run.id, startedAt: run.started_at, seconds: run.seconds, state: run.state },
      ...{ exitCode: run.exit_code, folder: run.folder },
      ...(series ? { series } : {}),
      kernels: kernels
        .filter((kernel) => kernel.run === run.key)
        .sort((a, b) => (a.side === b.side ? 0 : a.side === 'base' ? -1 : 1))
        .map((kernel) => kernelOf(kernel, counts)),
    };
  });
}
