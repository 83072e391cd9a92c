import type { HistoryShow, TestHistory } from '../model/history.ts';
import { diffHistories } from './diff.ts';
import type { History } from './open.ts';
import { runsByKey } from './runs.ts';
import { findHistoryRun, type Selection, select, storedVersions } from './select.ts';
import { testHistories } from './tests.ts';

/** The newest earlier version of the series of a run that was run too; undefined where there is none. */
async function previousOf(history: History, run: { series: string | null }): Promise<Selection | undefined> {
  const versions = await storedVersions(history);
  const own = versions.find(({ id }) => id === run.series);
  const family = versions.filter(({ lineage }) => lineage === own?.lineage);
  const previous = own && family[family.indexOf(own) - 1];
  return previous && select(history, `${previous.name}@${previous.id}`);
}

/** The histories of the tests that failed in a run, without their points. */
async function failuresOf(history: History, key: string): Promise<Omit<TestHistory, 'points'>[]> {
  const { db } = history;
  const failed = await db
    .selectFrom('results as x')
    .innerJoin('tests as t', 't.id', 'x.test')
    .innerJoin('kernels as k', (join) => join.onRef('k.run', '=', 'x.run').onRef('k.id', '=', 'x.kernel'))
    .select(['t.name', 't.profile', 't.suite', 'k.source', 'k.name as kernel'])
    .where('x.run', '=', key)
    .where('x.outcome', '=', 'fail')
    .orderBy('t.suite')
    .orderBy('t.name')
    .execute();
  const places = new Map(failed.map((row) => [JSON.stringify([row.name, row.profile, row.suite]), row]));
  const histories: Omit<TestHistory, 'points'>[] = [];
  for (const { name, profile, suite } of places.values()) {
    const found = await testHistories(history, name, { guest: profile, suite });
    for (const { points, ...rest } of found) {
      const kernels = failed.filter(
        (row) => row.name === name && row.profile === profile && row.suite === suite,
      );
      const isOfRun = points.some(
        ({ kernel, outcome }) => outcome === 'fail' && kernels.some((row) => row.kernel === kernel),
      );
      if (isOfRun) histories.push(rest);
    }
  }
  return histories;
}

/**
 * A run with what the history says of it: since when its failing tests fail, and how it differs from its base and from the version of the
 * series before. Throws InputError when there is no such run.
 */
export async function showRun(history: History, name: string): Promise<HistoryShow> {
  const found = await findHistoryRun(history, name);
  const [run] = await runsByKey(history, [found.key]);
  if (!run) throw new Error(`run ${found.key} was removed meanwhile`);
  const tested = await select(history, found.key);
  const hasBoth = new Set(run.kernels.map(({ side }) => side)).size > 1;
  const base = hasBoth ? await select(history, `${found.key}:base`) : undefined;
  const previous = await previousOf(history, found);
  const versions = await storedVersions(history);
  return {
    run,
    versions: versions
      .filter(({ lineage }) => lineage === tested.lineage)
      .map(({ lineage: _lineage, firstRun: _firstRun, ...version }) => version),
    failing: await failuresOf(history, found.key),
    ...(base ? { againstBase: await diffHistories(history, base, tested) } : {}),
    ...(previous ? { againstPrevious: await diffHistories(history, previous, tested) } : {}),
  };
}
