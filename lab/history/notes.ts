import { randomUUID } from 'node:crypto';
import type { TriageNote } from '../model/history.ts';
import type { History } from './open.ts';
import type { Outcome } from './outcome.ts';
import type { NotesTable } from './schema.ts';

/** Passes in a row after which an ignored test counts again: whatever it was ignored for is gone. */
export const PASSES_TO_COUNT = 15;

/** A note with what it is applied by. */
export interface StoredNote extends TriageNote {
  lineage: string | null;
}

async function titles({ db }: History): Promise<Map<string, string>> {
  const rows = await db.selectFrom('series').select(['lineage', 'title']).orderBy('version').execute();
  return new Map(rows.map(({ lineage, title }) => [lineage, title]));
}

/** All notes, oldest first. */
export async function allNotes(history: History): Promise<StoredNote[]> {
  const rows = await history.db.selectFrom('notes').selectAll().orderBy('created_at').orderBy('id').execute();
  const titleOf = await titles(history);
  return rows.map(({ id, name, profile, suite, lineage, kind, reason, created_at }) => {
    const series = lineage === null ? undefined : titleOf.get(lineage);
    return {
      ...{ id, test: name, kind, reason, createdAt: created_at, lineage },
      ...(profile === null ? {} : { profile }),
      ...(suite === null ? {} : { suite }),
      ...(series === undefined ? {} : { series }),
    };
  });
}

/** What a note is about. */
export type NoteRequest = Pick<NotesTable, 'profile' | 'suite' | 'name' | 'kind' | 'reason' | 'lineage'>;

/** Adds a note. Returns its id. */
export async function addNote({ db }: History, note: NoteRequest, now = new Date()): Promise<string> {
  const id = randomUUID().slice(0, 8);
  await db
    .insertInto('notes')
    .values({ ...note, id, created_at: now.toISOString() })
    .execute();
  return id;
}

/** Removes a note by its id. Returns whether there was one. */
export async function removeNote({ db }: History, id: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('notes').where('id', '=', id).executeTakeFirst();
  return numDeletedRows > 0n;
}

/** A test, and the series of the kernels that it ran on. */
interface Subject {
  profile: string;
  suite: string;
  name: string;
  lineage: string | null;
}

/** The notes that are about a test. Notes on one version of a series hold for the others too. */
export const notesOn = (
  notes: readonly StoredNote[],
  { profile, suite, name, lineage }: Subject,
): StoredNote[] =>
  notes.filter(
    (note) =>
      note.test === name &&
      (note.profile ?? profile) === profile &&
      (note.suite ?? suite) === suite &&
      (note.lineage === null || note.lineage === lineage),
  );

/** A note as it is shown. */
export const shownNote = ({ lineage: _lineage, ...note }: StoredNote): TriageNote => note;

/** Whether a test is ignored: a note says so, and it has not passed `PASSES_TO_COUNT` times in a row since. Points are sorted by age. */
export function isIgnored(
  notes: readonly TriageNote[],
  points: readonly { startedAt: string; outcome: Outcome }[],
): boolean {
  return notes.some(({ kind, createdAt }) => {
    if (kind !== 'ignored') return false;
    let passes = 0;
    for (const { startedAt, outcome } of points) {
      if (startedAt < createdAt || outcome === 'none') continue;
      passes = outcome === 'pass' ? passes + 1 : 0;
      if (passes >= PASSES_TO_COUNT) return false;
    }
    return true;
  });
}
