import type { FlakyTest } from '../model/history.ts';
import { isMixed, type Rate } from '../model/rate.ts';
import { allNotes, notesOn, shownNote } from './notes.ts';
import type { History } from './open.ts';
import { type Filter, type NamedTest, runKeys } from './points.ts';
import { buildOf, type ResultRow, resultRows } from './tests.ts';

/** The tests that have failed in some boot: only they can be flaky. */
async function failedTests({ db }: History, { guest, suite }: Filter): Promise<NamedTest[]> {
  const failed = (table: 'results' | 'reruns') => db.selectFrom(table).select('test').where('failed', '>', 0);
  const rows = await db
    .selectFrom('tests')
    .selectAll()
    .where((is) => is.or([is('id', 'in', failed('results')), is('id', 'in', failed('reruns'))]))
    .execute();
  return rows.filter(
    (test) => (guest ?? test.profile) === test.profile && (suite ?? test.suite) === test.suite,
  );
}

interface Build {
  test: string;
  rate: Rate;
  last: ResultRow;
}

/** Results by test and build, with the rate of each. */
function byBuild(rows: readonly ResultRow[]): Build[] {
  const builds = new Map<string, Build>();
  for (const row of rows) {
    const build = buildOf(row);
    if (build === null) continue;
    const key = `${row.test} ${build}`;
    const { failed, runs } = builds.get(key)?.rate ?? { failed: 0, runs: 0 };
    const rate = { failed: failed + row.failed, runs: runs + row.runs };
    builds.set(key, { test: row.test, rate, last: row });
  }
  return [...builds.values()];
}

const share = ({ failed, runs }: Rate) => failed / runs;

/**
 * Tests with both outcomes on one build of the kernel with one build of the suite, those that fail most often first. A test that is flaky on
 * several builds is listed once, with the build that has most boots.
 */
export async function flakyTests(history: History, filter: Filter = {}): Promise<FlakyTest[]> {
  const tests = await failedTests(history, filter);
  const rows = await resultRows(history, tests, await runKeys(history, filter));
  const mixed = byBuild(rows.filter(({ source }) => (filter.kernel ?? source) === source))
    .filter(({ rate }) => isMixed(rate))
    .sort((a, b) => b.rate.runs - a.rate.runs);
  const notes = await allNotes(history);
  const flaky = tests.flatMap((test): FlakyTest[] => {
    const build = mixed.find((each) => each.test === test.id);
    if (!build) return [];
    const { rate, last } = build;
    const { profile, suite, name } = test;
    const place = { profile, suite, name };
    const here = notesOn(notes, { ...place, lineage: last.lineage });
    return [
      {
        ...place,
        ...{ rate, kernel: last.kernel_name, buildKey: last.build_key ?? '', lastRun: last.run_id },
        notes: here.map(shownNote),
      },
    ];
  });
  return flaky.sort((a, b) => share(b.rate) - share(a.rate) || (a.name < b.name ? -1 : 1));
}
