/** Versions of a series: recognised, compared with each other and with the base, with the notes that carry over. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { diffHistories } from './diff.ts';
import { importRun } from './import.ts';
import { changeIdOf } from './lineage.ts';
import { addNote } from './notes.ts';
import { type History, openHistory } from './open.ts';
import { storePlace } from './place.ts';
import { select, storedVersions } from './select.ts';
import { showRun } from './show.ts';
import { idOf, writeRun } from './testing/runs.ts';
import { patchOf, seriesOf } from './testing/series.ts';
import { testHistories } from './tests.ts';

const patches = (line: string) => [patchOf(1, 'add it', 'a.c', line), patchOf(2, 'use it', 'b.c', 'same')];
const V1 = seriesOf(1, patches('first'));
/** Another title and another first patch: the second one is recognised. */
const V2 = seriesOf(2, patches('second'), { title: 'io_uring: a better feature', name: 'x-v2' });
const V3 = seriesOf(3, [...patches('second'), patchOf(3, 'test it', 'c.c', 'new')], {
  title: V2.title,
  name: 'x-v3',
});
const OTHER = seriesOf(1, [patchOf(1, 'unrelated', 'z.c', 'z')], {
  title: 'nvme: something else',
  name: 'other',
});

/** Runs of three versions: `a` is broken by v1 and fixed by v2; v3 breaks `b`, brings `c`, and loses `d`. */
async function threeVersions(t: Test, order = [1, 2, 3, 4]): Promise<History> {
  const dir = t.testdir();
  const base = { a: 'pass', b: 'pass', d: 'pass', e: 'fail' } as const;
  const folders = [
    await writeRun(dir, 1, { base, patched: { ...base, a: 'fail' }, series: V1 }),
    await writeRun(dir, 2, { base, patched: { ...base, e: 'fail' }, series: V2 }),
    await writeRun(dir, 3, { base, patched: { a: 'pass', b: 'crash', c: 'pass', e: 'fail' }, series: V3 }),
    await writeRun(dir, 4, { base, patched: { ...base }, series: OTHER }),
  ];
  const history = await openHistory(storePlace(join(dir, 'history.db')));
  for (const number of order) await importRun(history, folders[number - 1] ?? '');
  return history;
}

const classes = async (history: History, a: string, b: string) => {
  const { tests } = await diffHistories(history, await select(history, a), await select(history, b));
  return Object.fromEntries(tests.map(({ name, class: change }) => [name, change]));
};

for (const order of [
  [1, 2, 3, 4],
  [4, 3, 1, 2],
]) {
  t.test(
    `versions that are imported in the order ${order} have one lineage, another series has its own`,
    async (t) => {
      await using history = await threeVersions(t, order);
      const versions = await storedVersions(history);
      const lineageOf = (id: string) => versions.find((each) => each.id === id)?.lineage;
      t.equal(lineageOf(V2.id), lineageOf(V1.id), 'lineage of v2');
      t.equal(lineageOf(V3.id), lineageOf(V1.id), 'lineage of v3');
      t.not(lineageOf(OTHER.id), lineageOf(V1.id), 'lineage of another series');
    },
  );
}

t.test('each version is compared with the one before and with the base, in seven classes', async (t) => {
  await using history = await threeVersions(t);
  t.same(await classes(history, 'x@v1', 'x-v2@v2'), { a: 'fixed', e: 'still-failing' }, 'v2 against v1');
  t.same(
    await classes(history, 'x@v2', 'x@v3'),
    { b: 'regression', c: 'new-pass', d: 'disappeared', e: 'still-failing' },
    'v3 against v2, both by the name of v1',
  );
  t.same(
    await classes(history, `${idOf(1)}:base`, idOf(1)),
    { a: 'regression', e: 'still-failing' },
    'v1, base',
  );
  const { againstBase, againstPrevious, versions, failing } = await showRun(history, 'run-03');
  t.match(againstPrevious, { before: { series: { version: 2 } }, after: { series: { version: 3 } } });
  t.match(againstPrevious?.counts, { regression: 1, 'new-pass': 1, disappeared: 1, 'still-failing': 1 });
  t.match(againstBase?.counts, { regression: 1, 'new-pass': 1 });
  t.same(
    versions.map(({ version }) => version),
    [1, 2, 3],
  );
  t.match(failing, [
    { name: 'b', failsSince: { run: idOf(3), series: { version: 3 } }, passedLast: { run: idOf(2) } },
    { name: 'e' },
  ]);
});

t.test('a note on a series is shown with later versions, and not with another series', async (t) => {
  await using history = await threeVersions(t);
  const [version] = await storedVersions(history);
  const lineage = version?.lineage ?? '';
  await addNote(history, {
    name: 'e',
    kind: 'known',
    reason: 'the base too',
    profile: null,
    suite: null,
    lineage,
  });
  const notes = async (series: string | undefined) =>
    (await testHistories(history, 'e')).find((test) => test.series === series)?.notes;
  t.match(await notes(V3.title), [{ kind: 'known', reason: 'the base too' }]);
  t.same(await notes(OTHER.title), [], 'notes with another series');
  t.same(await notes(undefined), [], 'notes on the base');
  const { tests } = await diffHistories(
    history,
    await select(history, 'x@v2'),
    await select(history, 'x@v3'),
  );
  t.match(tests.find(({ name }) => name === 'e')?.notes, [{ kind: 'known' }]);
});

t.test('an ignored test is no regression, until it has passed 15 times in a row', async (t) => {
  const dir = t.testdir();
  await using history = await openHistory(storePlace(join(dir, 'history.db')));
  const verdictOf = (number: number) => (number === 1 || number === 17 ? 'fail' : 'pass');
  for (let number = 0; number < 18; number++)
    await importRun(history, await writeRun(dir, number, { base: { a: verdictOf(number) } }));
  const note = {
    name: 'a',
    kind: 'ignored' as const,
    reason: 'slow disk',
    profile: null,
    suite: null,
    lineage: null,
  };
  await addNote(history, note, new Date('2026-01-01T00:00:00Z'));
  const regressions = async (a: number, b: number) => {
    const diff = await diffHistories(history, await select(history, idOf(a)), await select(history, idOf(b)));
    return { counted: diff.counts.regression, ignored: diff.tests.map(({ ignored }) => ignored) };
  };
  // Runs 2 to 16 are 15 passes.
  t.same(await regressions(16, 17), { counted: 1, ignored: [false] }, 'after 15 passes');
  await importRun(history, await writeRun(dir, 9, { base: { a: 'fail' } }));
  t.same(await regressions(16, 17), { counted: 0, ignored: [true] }, 'with a failure among them');
});

t.test('a version, run or series that is not there is reported with what is', async (t) => {
  await using history = await threeVersions(t);
  await t.rejects(select(history, 'x@v9'), {
    exitCode: 2,
    message: /no version "v9" of a series "x"[\s\S]*x@v1/,
  });
  await t.rejects(select(history, 'run-9'), { exitCode: 2, message: /no run "run-9"[\s\S]*fix: / });
  await t.rejects(select(history, 'run'), { exitCode: 2, message: /4 runs are called "run"/ });
});

t.test('the change-id is that of the cover letter, or the trailer of a single patch', (t) => {
  t.equal(
    changeIdOf({ cover: 'Text\n\n---\nbase-commit: 1\nchange-id: 20260101-x-1a2b\n', patches: [] }),
    '20260101-x-1a2b',
  );
  const [patch] = patches('one');
  if (!patch) throw new Error('no patch');
  const one = { ...patch, trailers: [{ key: 'Change-Id', value: 'I123' }] };
  t.equal(changeIdOf({ patches: [one] }), 'I123');
  t.equal(changeIdOf({ patches: [one, patch] }), undefined);
  t.end();
});
