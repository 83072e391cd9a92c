import { type ClassedTest, HistoryClass, type HistoryDiff } from '../model/history.ts';
import { Verdict } from '../model/verdict.ts';
import { classOf } from './classes.ts';
import { allNotes, isIgnored, notesOn, type StoredNote, shownNote } from './notes.ts';
import type { History } from './open.ts';
import type { NamedTest } from './points.ts';
import type { Selection } from './select.ts';
import { type ResultRow, resultRows, timelinePoints } from './tests.ts';
import { isFlakyIn } from './timeline.ts';

/** Rows of a selection by test, and by source where either history has several. */
type Rows = Map<string, ResultRow[]>;

async function testsOf({ db }: History, keys: readonly string[]): Promise<NamedTest[]> {
  const here = db.selectFrom('results').select('test').where('run', 'in', keys);
  return db
    .selectFrom('tests')
    .selectAll()
    .where('id', 'in', here)
    .orderBy('suite')
    .orderBy('profile')
    .execute();
}

/** The rows of a selection: of its runs, on its kernels. Those under test are the patched ones, or all of a run without. */
function rowsIn(rows: readonly ResultRow[], { keys, kernels }: Selection): ResultRow[] {
  const runs = new Set(keys);
  const here = rows.filter(({ run_key }) => runs.has(run_key));
  if (kernels === 'base') return here.filter(({ side }) => side === 'base');
  const patched = new Set(here.filter(({ side }) => side === 'patched').map(({ run_key }) => run_key));
  return here.filter(({ side, run_key }) => side === 'patched' || !patched.has(run_key));
}

/** Whether a row of any run is of the kind that a selection is about: the base, or the same series in any version. */
const isOfKind = ({ kernels, lineage }: Selection, row: ResultRow): boolean =>
  kernels === 'base' ? row.side === 'base' : row.lineage === lineage;

const keyOf = ({ test, source }: ResultRow, bySource: boolean) => (bySource ? `${test} ${source}` : test);

function byTest(rows: readonly ResultRow[], bySource: boolean): Rows {
  const groups: Rows = new Map();
  for (const row of rows) {
    const key = keyOf(row, bySource);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}

/** The last result with an outcome, else the last one. */
const lastOf = (rows: readonly ResultRow[] = []): ResultRow | undefined =>
  rows.findLast(({ outcome }) => outcome !== 'none') ?? rows.at(-1);

function classedTest(
  test: NamedTest,
  { before, after, all }: { before: ResultRow[]; after: ResultRow[]; all: ResultRow[] },
  notes: readonly StoredNote[],
  bySource: boolean,
): ClassedTest | undefined {
  const [from, to] = [lastOf(before), lastOf(after)];
  const change = classOf(from?.outcome, to?.outcome);
  if (!change) return undefined;
  const { profile, suite, name } = test;
  const row = to ?? from;
  const here = notesOn(notes, { profile, suite, name, lineage: row?.lineage ?? null });
  const reason = change === 'fixed' || change === 'disappeared' ? from?.reason : to?.reason;
  const points = all.map(({ started_at, outcome }) => ({ startedAt: started_at, outcome }));
  return {
    ...{ profile, suite, name, class: change },
    ...(bySource && row ? { source: row.source } : {}),
    ...(from ? { before: Verdict.parse(from.verdict) } : {}),
    ...(to ? { after: Verdict.parse(to.verdict) } : {}),
    ...(reason == null ? {} : { reason }),
    flaky: isFlakyIn(timelinePoints([...before, ...all])),
    notes: here.map(shownNote),
    ignored: isIgnored(here, points),
  };
}

const sourcesOf = (rows: readonly ResultRow[]) => new Set(rows.map(({ source }) => source)).size;

/**
 * What every test became between two selections. The state of a test in a selection is its last outcome there. Whether it is flaky, or is
 * ignored still, is said of all its runs in the history on kernels of the kind of `b`.
 */
export async function diffHistories(history: History, a: Selection, b: Selection): Promise<HistoryDiff> {
  const tests = await testsOf(history, [...a.keys, ...b.keys]);
  const everyRun = await history.db.selectFrom('runs').select('key').execute();
  const rows = await resultRows(
    history,
    tests,
    everyRun.map(({ key }) => key),
  );
  const [from, to] = [rowsIn(rows, a), rowsIn(rows, b)];
  const bySource = sourcesOf(from) > 1 || sourcesOf(to) > 1;
  const [before, after] = [byTest(from, bySource), byTest(to, bySource)];
  const all = byTest(
    rows.filter((row) => isOfKind(b, row)),
    bySource,
  );
  const notes = await allNotes(history);
  const byId = new Map(tests.map((test) => [test.id, test]));
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  const classed = keys.flatMap((key) => {
    const test = byId.get(key.split(' ', 1)[0] ?? '');
    const group = { before: before.get(key) ?? [], after: after.get(key) ?? [], all: all.get(key) ?? [] };
    return (test && classedTest(test, group, notes, bySource)) ?? [];
  });
  const order = (test: ClassedTest) => HistoryClass.options.indexOf(test.class);
  const counted = classed.filter(({ ignored }) => !ignored);
  const counts = Object.fromEntries(
    HistoryClass.options.map((each) => [each, counted.filter((test) => test.class === each).length]),
  ) as HistoryDiff['counts'];
  return {
    ...{ before: a.side, after: b.side, counts, unchanged: keys.length - classed.length },
    tests: classed.sort((x, y) => order(x) - order(y) || (x.name < y.name ? -1 : 1)),
  };
}
