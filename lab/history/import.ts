import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Transaction } from 'kysely';
import { exists } from '../core/cache.ts';
import { errorText, InputError, LabError } from '../core/errors.ts';
import { parseYaml } from '../model/parse.ts';
import type { RunRecord } from '../model/run.ts';
import { Series } from '../model/series.ts';
import { RECORD_FILE, readRecord } from '../record/record.ts';
import { SERIES_FILE } from '../record/series-file.ts';
import { saveSeriesRow, seriesRow } from './lineage.ts';
import type { History } from './open.ts';
import { digestOf, keyOfRun, type RunRows, rowsOf } from './rows.ts';
import type { SeriesTable, Tables } from './schema.ts';

/** What became of a run's folder. `left-out`: a run over mutants, whose failures are planted. */
export type Imported = 'added' | 'replaced' | 'unchanged' | 'left-out';

/** Rows of one statement: SQLite takes 32766 values in it, and a row has at most 11. */
const ROWS_AT_ONCE = 1000;

type PerRun = 'kernels' | 'results' | 'reruns' | 'figures';

async function insertAll<T extends PerRun>(
  trx: Transaction<Tables>,
  table: T,
  rows: readonly Tables[T][],
): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE)
    await trx
      .insertInto(table)
      .values(rows.slice(at, at + ROWS_AT_ONCE) as never)
      .execute();
}

async function writeRows(
  trx: Transaction<Tables>,
  rows: RunRows,
  series: SeriesTable | undefined,
): Promise<void> {
  // First a write, which waits for other writers: a transaction of SQLite that has read cannot.
  await trx
    .insertInto('runs')
    .values(rows.run)
    .onConflict((conflict) => conflict.column('key').doUpdateSet(rows.run))
    .execute();
  for (const table of ['kernels', 'results', 'reruns', 'figures'] as const)
    await trx.deleteFrom(table).where('run', '=', rows.run.key).execute();
  if (series) await saveSeriesRow(trx, series);
  for (let at = 0; at < rows.tests.length; at += ROWS_AT_ONCE)
    await trx
      .insertInto('tests')
      .values(rows.tests.slice(at, at + ROWS_AT_ONCE))
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute();
  for (const table of ['kernels', 'results', 'reruns', 'figures'] as const)
    await insertAll(trx, table, rows[table]);
}

/** The series of a run's folder; undefined where it has none. Throws InputError for one that cannot be read. */
async function readSeries(folder: string): Promise<Series | undefined> {
  const file = join(folder, SERIES_FILE);
  const text = await readFile(file, 'utf8').catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
  return text === undefined ? undefined : parseYaml(Series, text, file);
}

/**
 * Puts a run into the history, by the folder of its record: whole or not at all, and once, however often it is imported. A record that has
 * changed, or every one with `again`, replaces what was made from it. Throws InputError when the record cannot be read, LabError when the
 * history cannot be written.
 */
export async function importRun(
  history: History,
  folder: string,
  { again = false, signal }: { again?: boolean; signal?: AbortSignal } = {},
): Promise<Imported> {
  const record: RunRecord = await readRecord(folder);
  if (record.mutants) return 'left-out';
  const key = keyOfRun(record);
  const rows = rowsOf(record, resolve(folder));
  const series = await seriesRow(record, await readSeries(folder), signal);
  try {
    const { db } = history;
    const stored = await db
      .selectFrom('runs')
      .select(['digest', 'folder'])
      .where('key', '=', key)
      .executeTakeFirst();
    const isSame = stored?.digest === digestOf(record) && stored.folder === rows.run.folder;
    if (isSame && !again) return 'unchanged';
    await db.transaction().execute((trx) => writeRows(trx, rows, series));
    return stored ? 'replaced' : 'added';
  } catch (cause) {
    throw new LabError(`the history ${history.label} cannot be written: ${errorText(cause)}`, { cause });
  }
}

/** What an import of folders did. */
export interface ImportResult {
  added: string[];
  replaced: string[];
  unchanged: number;
  leftOut: string[];
  /** Folders whose record cannot be read, with the first problem. */
  unreadable: { folder: string; problem: string }[];
}

/** The folders below `runsDir` that have a record, sorted by name, which is by age for names that a run chose itself. */
export async function runFolders(runsDir: string): Promise<string[]> {
  const entries = await readdir(runsDir, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(runsDir, name));
  const present = await Promise.all(folders.map((folder) => exists(join(folder, RECORD_FILE))));
  return folders.filter((_, index) => present[index]).sort();
}

/** Imports the runs of folders, each of them a run or a folder of runs. One that cannot be read is reported and stops no other. */
export async function importFolders(
  history: History,
  places: readonly string[],
  options: { again?: boolean; signal: AbortSignal },
): Promise<ImportResult> {
  const result: ImportResult = { added: [], replaced: [], unchanged: 0, leftOut: [], unreadable: [] };
  for (const place of places) {
    const inside = await runFolders(place);
    for (const folder of inside.length > 0 ? inside : [place]) {
      options.signal.throwIfAborted();
      try {
        const imported = await importRun(history, folder, options);
        if (imported === 'unchanged') result.unchanged++;
        else if (imported === 'left-out') result.leftOut.push(folder);
        else result[imported].push(folder);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        result.unreadable.push({ folder, problem: error.message.split('\n')[0] ?? '' });
      }
    }
  }
  return result;
}
