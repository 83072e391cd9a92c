/** The same history in SQLite and in a real server of PostgreSQL. */
import { join } from 'node:path';
import t from 'tap';
import { diffHistories } from './diff.ts';
import { flakyTests } from './flaky.ts';
import { importFolders } from './import.ts';
import { metricHistories } from './metrics.ts';
import { addNote, allNotes, removeNote } from './notes.ts';
import { type History, openHistory } from './open.ts';
import { storePlace } from './place.ts';
import { runKeys } from './points.ts';
import { runsByKey } from './runs.ts';
import { select } from './select.ts';
import { showRun } from './show.ts';
import { PostgresServer, postgresPrograms } from './testing/postgres.ts';
import { idOf, writeRun } from './testing/runs.ts';
import { patchOf, seriesOf } from './testing/series.ts';
import { testHistories } from './tests.ts';

const programs = postgresPrograms();
const skip = programs ? false : 'PostgreSQL is not installed: npm run setup -- --all';
const signal = new AbortController().signal;

/** Everything that the history says, as one value. */
async function answers(history: History) {
  const runs = await runsByKey(history, await runKeys(history, {}));
  const diff = await diffHistories(history, await select(history, idOf(1)), await select(history, 'x@v2'));
  const [tests, metrics] = [await testHistories(history, ''), await metricHistories(history, 'cost')];
  return {
    runs,
    diff,
    tests,
    metrics,
    flaky: await flakyTests(history),
    show: await showRun(history, 'latest'),
  };
}

t.test('PostgreSQL and SQLite give the same answers about the same runs', { skip }, async (t) => {
  const dir = t.testdir({ runs: {} });
  const runs = join(dir, 'runs');
  const patch = (line: string) => [patchOf(1, 'add it', 'a.c', line)];
  for (let number = 0; number < 12; number++)
    await writeRun(runs, number, {
      base: { 'a\0b': 'pass', b: number % 5 === 2 ? 'fail' : 'pass' },
      patched: { 'a\0b': number > 6 ? 'fail' : 'pass', b: 'pass' },
      metrics: { 'read.cost': number < 6 ? 1000.25 : 1010.5 },
      ...{ baseKey: 'b'.repeat(64), patchedKey: 'c'.repeat(64), payload: 'p' },
      series: seriesOf(number < 4 ? 1 : 2, patch(number < 4 ? 'one' : 'two')),
    });
  await using server = await PostgresServer.start(programs ?? '');
  const place = storePlace(server.url);
  await using sqlite = await openHistory(storePlace(join(dir, 'history.db')));
  // Two at once: the schema is made once, and each run is there once.
  const [first, second] = await Promise.all([openHistory(place), openHistory(place)]);
  await using history = first;
  await using other = second;
  await Promise.all([history, other, sqlite].map((each) => importFolders(each, [runs], { signal })));
  const [expected, found] = [await answers(sqlite), await answers(history)];
  t.same(found, expected, 'answers');
  t.equal(found.runs.length, 12, 'runs');
  t.match(found.metrics[0]?.changes, [{ at: { run: idOf(6) } }], 'change points');
  const note = { name: 'b', kind: 'known' as const, reason: 'r', profile: null, suite: null, lineage: null };
  const id = await addNote(history, note);
  t.match(await allNotes(other), [{ id, test: 'b', kind: 'known' }], 'notes by another connection');
  t.equal(await removeNote(history, id), true, 'removed');
  t.equal(await removeNote(history, id), false, 'removed again');
});

t.test('a server that does not answer is an error of the lab without its password', async (t) => {
  const place = storePlace('postgres://me:secret@127.0.0.1:1/db');
  await t.rejects(openHistory(place), {
    exitCode: 3,
    message: /me:\*\*\*@127\.0\.0\.1:1\/db cannot be opened[\s\S]*fix: check/,
  });
  const error = await openHistory(place).catch((thrown) => thrown);
  t.notMatch(error.message, /secret/, 'message');
});
