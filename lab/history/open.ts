import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Dialect, Kysely, Migrator, PostgresDialect, SqliteDialect, sql } from 'kysely';
import { errorText, LabError } from '../core/errors.ts';
import { lock } from '../core/lock.ts';
import { migrations } from './migrations.ts';
import type { StorePlace } from './place.ts';
import type { Tables } from './schema.ts';

/** Longest time to wait for a database that another process writes to, or for a server, ms. */
const PATIENCE_MS = 10_000;

/** A history that is open. */
export interface History extends AsyncDisposable {
  readonly db: Kysely<Tables>;
  /** For messages. */
  readonly label: string;
}

async function loadSqlite() {
  try {
    return (await import('better-sqlite3')).default;
  } catch (cause) {
    throw new LabError('SQLite (better-sqlite3) is not installed\n  fix: npm install better-sqlite3', {
      cause,
    });
  }
}

/** The addon is loaded by the first database that is opened. */
async function sqliteDialect(file: string): Promise<Dialect> {
  const Database = await loadSqlite();
  await mkdir(dirname(file), { recursive: true });
  let database: InstanceType<typeof Database>;
  try {
    database = new Database(file, { timeout: PATIENCE_MS });
  } catch (cause) {
    if (
      !/bindings file|ERR_DLOPEN_FAILED|NODE_MODULE_VERSION/.test(
        `${cause} ${(cause as { code?: string }).code}`,
      )
    )
      throw cause;
    throw new LabError(
      'SQLite is not compiled for this Node.js\n  fix: npm run setup, or, where ringlab is installed: npm rebuild better-sqlite3',
      { cause },
    );
  }
  try {
    // Readers do not wait for a writer, and a kill in the middle of a write leaves the last state.
    database.pragma('journal_mode = WAL');
    database.pragma('foreign_keys = ON');
  } catch (cause) {
    database.close();
    throw cause;
  }
  return new SqliteDialect({ database });
}

async function postgresDialect(url: string): Promise<Dialect> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: url,
    max: 2,
    connectionTimeoutMillis: PATIENCE_MS,
    statement_timeout: 60_000,
    lock_timeout: PATIENCE_MS,
  });
  // A connection that breaks while no query uses it; the next query says so.
  pool.on('error', () => {});
  return new PostgresDialect({ pool });
}

/** Whether every step to the current schema was taken. Throws LabError for a store of a later ringlab. */
async function isCurrent(db: Kysely<Tables>, migrator: Migrator): Promise<boolean> {
  const steps = await migrator.getMigrations();
  if (!steps.some(({ executedAt }) => executedAt !== undefined)) return false;
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
  const later = rows.find(({ name }) => !(name in migrations));
  if (later) throw new LabError(`it was made by a later ringlab (${later.name})\n  fix: use that version`);
  return steps.every(({ executedAt }) => executedAt !== undefined);
}

async function migrate(db: Kysely<Tables>, place: StorePlace, signal?: AbortSignal): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  if (await isCurrent(db, migrator)) return;
  // Two ringlabs that create the store: PostgreSQL has a lock for that, SQLite has none.
  await using _lock = place.kind === 'sqlite' ? await lock(`${place.file}.lock.d`, signal) : undefined;
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

/** What to do about a store that cannot be opened. */
const fixOf = (place: StorePlace) =>
  place.kind === 'sqlite'
    ? 'move the file away; ringlab results import makes a new one from run folders'
    : 'check the connection string and the server, or use a file: --store PATH';

/**
 * Opens the history at a place, and creates it or brings its schema up to date. Several processes may do so at once. Throws LabError when it
 * cannot be opened, or the abort reason.
 *
 * @example
 * await using history = await openHistory(storePlace());
 * await importRun(history, 'runs/20261121T084212Z-base');
 */
export async function openHistory(place: StorePlace, signal?: AbortSignal): Promise<History> {
  signal?.throwIfAborted();
  let db: Kysely<Tables> | undefined;
  try {
    const dialect =
      place.kind === 'sqlite' ? await sqliteDialect(place.file) : await postgresDialect(place.url);
    const opened = new Kysely<Tables>({ dialect });
    db = opened;
    await migrate(opened, place, signal);
    return { db: opened, label: place.label, [Symbol.asyncDispose]: () => opened.destroy() };
  } catch (error) {
    await db?.destroy();
    signal?.throwIfAborted();
    const fix = error instanceof LabError ? '' : `\n  fix: ${fixOf(place)}`;
    throw new LabError(`the history ${place.label} cannot be opened: ${errorText(error)}${fix}`, {
      cause: error,
    });
  }
}
