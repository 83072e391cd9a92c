import type { Transaction } from 'kysely';
import { z } from 'zod';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { RunRecord } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import type { SeriesTable, Tables } from './schema.ts';

/** What a patch is recognised by in another version of its series. */
export const PatchMark = z.object({
  subject: z.string(),
  /** Of git patch-id --stable: equal for equal diffs, wherever they apply. Absent where only subjects are known. */
  patchId: z.string().optional(),
});
export type PatchMark = z.infer<typeof PatchMark>;

/** The patches of a stored series. */
export const marksOf = ({ patches }: Pick<SeriesTable, 'patches'>): PatchMark[] =>
  z.array(PatchMark).parse(JSON.parse(patches));

/** The change-id of a series: of its cover letter, as b4 writes it, or a trailer of its only patch. */
export function changeIdOf({ cover, patches }: Pick<Series, 'cover' | 'patches'>): string | undefined {
  const ofCover = /^change-id:\s*(\S+)\s*$/im.exec(cover ?? '')?.[1];
  if (ofCover !== undefined) return ofCover;
  const [only, ...others] = patches;
  if (!only || others.length > 0) return undefined;
  const trailer = only.trailers.find(({ key }) => key.toLowerCase() === 'change-id');
  return trailer?.value ?? /^change-id:\s*(\S+)\s*$/im.exec(only.body)?.[1];
}

/** The patch-ids of diffs by their index, from git patch-id(1); a diff that it cannot read has none. */
async function patchIds(diffs: readonly string[], signal?: AbortSignal): Promise<Map<number, string>> {
  const named = (index: number) => index.toString(16).padStart(40, '0');
  const input = diffs
    .map((diff, index) => `From ${named(index)} Mon Sep 17 00:00:00 2001\n\n${diff}`)
    .join('\n');
  const { stdout } = await run('git', ['patch-id', '--stable'], { input, ...(signal ? { signal } : {}) });
  const pairs = stdout.split('\n').flatMap((line): [number, string][] => {
    const [, patchId, index] = /^([0-9a-f]{40,64}) ([0-9a-f]{40})$/.exec(line) ?? [];
    return patchId && index ? [[Number.parseInt(index, 16), patchId]] : [];
  });
  return new Map(pairs);
}

/** The row of a run's series, by itself at first; undefined for a run without one. `content`: what the run's folder has of it. */
export async function seriesRow(
  { series }: Pick<RunRecord, 'series'>,
  content: Series | undefined,
  signal?: AbortSignal,
): Promise<SeriesTable | undefined> {
  if (!series) return undefined;
  const known = content?.id === series.id ? content : undefined;
  const ids = known
    ? await patchIds(
        known.patches.map(({ diff }) => diff),
        signal,
      )
    : new Map<number, string>();
  const marks = series.patches.map((subject, index): PatchMark => {
    const patchId = ids.get(index);
    return { subject, ...(patchId === undefined ? {} : { patchId }) };
  });
  const text = (value: string) => value.replaceAll('\0', '\ufffd');
  return {
    id: series.id,
    lineage: hashOf('lineage', series.id).slice(0, 16),
    name: text(series.name),
    title: text(series.title),
    version: known?.version ?? null,
    change_id: (known && changeIdOf(known)) ?? null,
    patches: text(JSON.stringify(marks)),
    content: known ? text(JSON.stringify(known)) : null,
  };
}

/** What two series are compared by. */
type SeriesMarks = Pick<SeriesTable, 'title' | 'change_id' | 'patches'>;

/** Part of the patches, of the shorter series, from which on two series count as versions of one. */
const ENOUGH = 0.5;

const shareOf = (a: readonly (string | undefined)[], b: readonly (string | undefined)[]): number => {
  const [left, right] = [a, b].map((all) => new Set(all.filter((item) => item !== undefined)));
  if (!left || !right || left.size === 0 || right.size === 0) return 0;
  const common = [...left].filter((item) => right.has(item)).length;
  return common / Math.min(left.size, right.size);
};

const plainTitle = (title: string) => title.toLowerCase().replace(/\s+/g, ' ').trim();

/**
 * Whether two series are versions of one. Change-ids decide where both have one. Else the title, most subjects or most patch-ids are equal: a
 * version changes some of them, and another series has none of them.
 */
export function isSameSeries(a: SeriesMarks, b: SeriesMarks): boolean {
  if (a.change_id !== null && b.change_id !== null) return a.change_id === b.change_id;
  if (plainTitle(a.title) === plainTitle(b.title)) return true;
  const [left, right] = [marksOf(a), marksOf(b)];
  const subjects = (marks: PatchMark[]) => marks.map(({ subject }) => plainTitle(subject));
  const ids = (marks: PatchMark[]) => marks.map(({ patchId }) => patchId);
  return shareOf(subjects(left), subjects(right)) > ENOUGH || shareOf(ids(left), ids(right)) >= ENOUGH;
}

/**
 * Stores a series and gives it the lineage of the series that it is a version of. Where it is one of several that were apart, these become one
 * lineage, with their notes: the order in which versions are imported makes no difference.
 */
export async function saveSeriesRow(trx: Transaction<Tables>, row: SeriesTable): Promise<void> {
  const before = await trx.selectFrom('series').selectAll().where('id', '=', row.id).executeTakeFirst();
  const stored = await trx
    .selectFrom('series')
    .select(['id', 'lineage', 'title', 'change_id', 'patches'])
    .execute();
  // A folder without series.json takes nothing away.
  const whole = before && row.content === null ? before : row;
  const alike = stored.filter((other) => other.id !== row.id && isSameSeries(other, whole));
  const lineages = [
    ...new Set([...alike.map(({ lineage }) => lineage), ...(before ? [before.lineage] : [])]),
  ].sort();
  const lineage = lineages[0] ?? whole.lineage;
  const others = lineages.filter((each) => each !== lineage);
  if (others.length > 0) {
    await trx.updateTable('series').set({ lineage }).where('lineage', 'in', others).execute();
    await trx.updateTable('notes').set({ lineage }).where('lineage', 'in', others).execute();
  }
  const values = { ...whole, lineage };
  await trx
    .insertInto('series')
    .values(values)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
    .execute();
}
