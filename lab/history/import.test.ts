import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { importFolders, importRun } from './import.ts';
import { type History, openHistory } from './open.ts';
import { storePlace } from './place.ts';
import { idOf, writeRun } from './testing/runs.ts';

const signal = new AbortController().signal;
const openIn = (dir: string) => openHistory(storePlace(join(dir, 'history.db')));

/** Every row of the store, but for what names a folder. */
async function dump({ db }: History) {
  const tables = ['runs', 'kernels', 'tests', 'results', 'reruns', 'figures', 'series'] as const;
  const rows = tables.map(async (table) => {
    const all = await db.selectFrom(table).selectAll().execute();
    return [table, all.map((row) => JSON.stringify({ ...row, folder: '' })).sort()] as const;
  });
  return Object.fromEntries(await Promise.all(rows));
}

t.test('a run that is imported twice is in the history once, and unchanged the second time', async (t) => {
  const dir = t.testdir();
  const folder = await writeRun(dir, 1, { base: { a: 'pass' }, patched: { a: 'fail', b: 'skip' } });
  await using history = await openIn(dir);
  t.equal(await importRun(history, folder), 'added', 'first import');
  const before = await dump(history);
  t.equal(await importRun(history, folder), 'unchanged', 'second import');
  t.equal(await importRun(history, folder, { again: true }), 'replaced', 'import with again');
  t.same(await dump(history), before, 'rows after three imports');
  t.equal(before.results?.length, 3, 'number of results');
});

t.test('a record that has changed since replaces its rows', async (t) => {
  const dir = t.testdir();
  await using history = await openIn(dir);
  const folder = await writeRun(dir, 1, { base: { a: 'pass', b: 'pass' } });
  await importRun(history, folder);
  await writeRun(dir, 1, { base: { a: 'fail' }, more: { interrupted: true } });
  t.equal(await importRun(history, folder), 'replaced', 'second import');
  const results = await history.db.selectFrom('results').select('verdict').execute();
  t.same(results, [{ verdict: 'fail' }], 'results');
  const runs = await history.db.selectFrom('runs').select(['state', 'exit_code']).execute();
  t.same(runs, [{ state: 'interrupted', exit_code: 130 }], 'runs');
});

t.test('a store that is made anew of the run folders has the same rows', async (t) => {
  const dir = t.testdir({ runs: {} });
  for (let number = 0; number < 4; number++)
    await writeRun(join(dir, 'runs'), number, {
      base: { a: 'pass' },
      metrics: { 'read.cost': 100 + number },
    });
  await using first = await openHistory(storePlace(join(dir, 'a.db')));
  await using second = await openHistory(storePlace(join(dir, 'b.db')));
  t.equal((await importFolders(first, [join(dir, 'runs')], { signal })).added.length, 4, 'imported runs');
  await importFolders(second, [join(dir, 'runs')], { signal });
  t.same(await dump(second), await dump(first), 'rows');
});

t.test('a run over mutants is left out, and a damaged record stops no other import', async (t) => {
  const dir = t.testdir();
  await writeRun(dir, 1, { base: { a: 'fail' }, more: { mutants: [] } });
  await writeRun(dir, 2, { base: { a: 'pass' } });
  const damaged = await writeRun(dir, 3, { base: { a: 'pass' } });
  writeFileSync(join(damaged, 'run.json'), '{ "format": 2');
  await using history = await openHistory(storePlace(join(t.testdirName, 'x/y/history.db')));
  const result = await importFolders(history, [dir, join(dir, 'absent')], { signal });
  t.same(result.leftOut, [join(dir, idOf(1))], 'left out');
  t.same(result.added, [join(dir, idOf(2))], 'added');
  t.match(result.unreadable, [
    { folder: damaged, problem: /run.json: .*JSON/ },
    { folder: join(dir, 'absent'), problem: /there is no run record here/ },
  ]);
});

t.test('a NUL in the name of a test is stored as a replacement character', async (t) => {
  const dir = t.testdir();
  await using history = await openIn(dir);
  await importRun(history, await writeRun(dir, 1, { base: { 'a\0b': 'pass' } }));
  const tests = await history.db.selectFrom('tests').select('name').execute();
  t.same(tests, [{ name: 'a\ufffdb' }]);
});

/** A process that imports folders into a store, as one of several ringlabs. */
async function importer(store: string, folders: readonly string[]): Promise<string> {
  const script = join(import.meta.dirname, 'testing/importer.ts');
  const args = ['--import=tsx', script, store, ...folders];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  return code === 0 ? '' : `${code}: ${stderr}`;
}

t.test(
  'three ringlabs that create the store and import the same runs at once leave each run once',
  async (t) => {
    const dir = t.testdir({ runs: {} });
    const tests = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`test ${index}`, 'pass' as const]),
    );
    for (let number = 0; number < 5; number++) await writeRun(join(dir, 'runs'), number, { base: tests });
    const store = join(dir, 'history.db');
    const runs = [join(dir, 'runs')];
    t.same(await Promise.all([importer(store, runs), importer(store, runs), importer(store, runs)]), [
      '',
      '',
      '',
    ]);
    await using history = await openHistory(storePlace(store));
    const rows = await dump(history);
    t.equal(rows.runs?.length, 5, 'runs');
    t.equal(rows.results?.length, 1500, 'results');
  },
);

t.test('a file that is no database is reported with how to fix it, and is not changed', async (t) => {
  const dir = t.testdir({ 'history.db': 'not a database, but long enough to be one, says SQLite'.repeat(9) });
  const file = join(dir, 'history.db');
  const before = readFileSync(file, 'utf8');
  await t.rejects(openHistory(storePlace(file)), {
    exitCode: 3,
    message: /history\.db cannot be opened: .*not a database[\s\S]*fix: move the file away/,
  });
  t.equal(readFileSync(file, 'utf8'), before, 'content of the file');
});

t.test('a store of a later ringlab is refused', async (t) => {
  const dir = t.testdir();
  {
    await using history = await openIn(dir);
    await history.db
      .insertInto('kysely_migration' as never)
      .values({ name: '999-later', timestamp: '2030-01-01' } as never)
      .execute();
  }
  await t.rejects(openIn(dir), {
    exitCode: 3,
    message: /later ringlab \(999-later\)[\s\S]*fix: use that version/,
  });
});

t.test('the place of the store is the option, RINGLAB_STORE or the state folder of XDG', (t) => {
  const { env } = process;
  const { RINGLAB_STORE, XDG_STATE_HOME } = env;
  t.teardown(() =>
    Object.assign(env, { RINGLAB_STORE: RINGLAB_STORE ?? '', XDG_STATE_HOME: XDG_STATE_HOME ?? '' }),
  );
  env.RINGLAB_STORE = '';
  env.XDG_STATE_HOME = '/state';
  t.match(storePlace(), { kind: 'sqlite', file: '/state/ringlab/history.db' });
  env.RINGLAB_STORE = '/elsewhere/h.db';
  t.match(storePlace(), { file: '/elsewhere/h.db' });
  t.match(storePlace('postgres://me:secret@host/db?password=secret2'), {
    kind: 'postgres',
    label: 'postgres://me:***@host/db?password=***',
  });
  for (const wrong of ['mysql://host/db', 'postgres://[', '', 'a\nb'])
    t.throws(() => storePlace(wrong), { name: 'InputError' }, JSON.stringify(wrong));
  t.notOk(statSync('/state', { throwIfNoEntry: false }), 'naming a place makes nothing');
  t.end();
});
