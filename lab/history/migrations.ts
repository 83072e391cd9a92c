import type { CreateTableBuilder, Kysely, Migration } from 'kysely';

type Builder = CreateTableBuilder<string, string>;

/** Columns that name a run; its rows go with it. */
const ofRun = (table: Builder) =>
  table
    .addColumn('run', 'text', (column) => column.notNull().references('runs.key').onDelete('cascade'))
    .addColumn('kernel', 'text', (column) => column.notNull())
    .addColumn('test', 'text', (column) => column.notNull().references('tests.id'));

const texts = (table: Builder, ...names: string[]) =>
  names.reduce((built, name) => built.addColumn(name, 'text', (column) => column.notNull()), table);
const optionalTexts = (table: Builder, ...names: string[]) =>
  names.reduce((built, name) => built.addColumn(name, 'text'), table);
const counts = (table: Builder, ...names: string[]) =>
  names.reduce((built, name) => built.addColumn(name, 'integer', (column) => column.notNull()), table);

async function first(db: Kysely<unknown>): Promise<void> {
  const create = (name: string) => db.schema.createTable(name) as Builder;
  const keyed = (name: string, key: string) =>
    create(name).addColumn(key, 'text', (column) => column.primaryKey());
  const runs = texts(keyed('runs', 'key'), 'id', 'started_at', 'ringlab', 'state', 'digest', 'folder');
  await counts(optionalTexts(runs, 'series'), 'exit_code')
    .addColumn('seconds', 'double precision', (column) => column.notNull())
    .execute();
  await optionalTexts(
    texts(
      create('kernels').addColumn('run', 'text', (column) =>
        column.notNull().references('runs.key').onDelete('cascade'),
      ),
      ...['id', 'name', 'side', 'source'],
    ),
    ...['base', 'build_key', 'release', 'series', 'failure'],
  )
    .addPrimaryKeyConstraint('kernels_key', ['run', 'id'])
    .execute();
  await texts(keyed('tests', 'id'), 'profile', 'suite', 'name').execute();
  await counts(
    optionalTexts(texts(ofRun(create('results')), 'verdict', 'outcome', 'payload'), 'reason'),
    ...['failed', 'runs'],
  )
    .addPrimaryKeyConstraint('results_key', ['run', 'kernel', 'test'])
    .execute();
  await counts(ofRun(create('reruns')), 'failed', 'runs')
    .addPrimaryKeyConstraint('reruns_key', ['run', 'kernel', 'test'])
    .execute();
  await texts(ofRun(create('figures')), 'unit', 'better')
    .addColumn('value', 'double precision', (column) => column.notNull())
    .addColumn('noise', 'double precision')
    .addPrimaryKeyConstraint('figures_key', ['run', 'kernel', 'test'])
    .execute();
  const series = texts(keyed('series', 'id'), 'lineage', 'name', 'title', 'patches');
  await optionalTexts(series, 'change_id', 'content').addColumn('version', 'integer').execute();
  await optionalTexts(
    texts(keyed('notes', 'id'), 'name', 'kind', 'reason', 'created_at'),
    ...['profile', 'suite', 'lineage'],
  ).execute();
  const index = (name: string, table: string, ...columns: string[]) =>
    db.schema.createIndex(name).on(table).columns(columns).execute();
  await index('runs_by_age', 'runs', 'started_at');
  await index('results_by_test', 'results', 'test');
  await index('figures_by_test', 'figures', 'test');
  await index('series_by_lineage', 'series', 'lineage');
}

/** The steps to the current schema, by name in their order. A step that was released is never changed: add another. */
export const migrations: Record<string, Migration> = { '001-first': { up: first } };
