import { z } from 'zod';
import { Verdict } from './verdict.ts';

const note = <C extends string, S extends z.ZodRawShape>(code: C, shape: S) =>
  z.object({ code: z.literal(code), subject: z.string(), ...shape });

const Posting = z.object({ version: z.number(), title: z.string(), patches: z.number(), total: z.number() });
const number = z.number().int();
const DiffStat = z.object({ files: number, added: number, removed: number });

/** Something worth knowing that is no error. `subject` is what it is about: a file, a series, a source, a cell. */
export const Note = z.discriminatedUnion('code', [
  /** A thread has several postings; one was taken. */
  note('series.postings', { taken: Posting, left: z.array(Posting) }),
  /** A patch number occurs more than once; the patch at `where` was taken. */
  note('series.repeated', { patch: number, where: z.string() }),
  /** The diffstat announces other files or counts than the diff has. */
  note('series.diffstat', { patch: number, announced: DiffStat, found: DiffStat }),
  /** Empty context lines had lost their leading blank, which was put back. */
  note('series.blanks', { patch: number, lines: number }),
  /** A trailer of a reply names another person than its sender and was not taken. */
  note('series.trailer', { line: z.string() }),
  /** A diff without author and message. */
  note('series.bare', {}),
  note('series.merges', { count: number }),
  /** A stored series cannot be read. */
  note('series.unreadable', { message: z.string() }),
  /** A hunk was applied away from its line. */
  note('apply.offset', { patch: number, hunk: number, line: number, by: number }),
  /** A patch for another project was not applied. */
  note('apply.foreign', { patch: number, title: z.string(), reason: z.string() }),
  note('apply.missing', { patches: z.array(number), announced: number }),
  /** A git tree has changes that are not committed, and that are not in the source. */
  note('source.uncommitted', {}),
  /** Node starts later in guests: its snapshot could not be made. */
  note('image.snapshot', { target: z.string(), reason: z.string() }),
  /** A test fails without any mutant, so that it cannot kill one. */
  note('mutants.excluded', { test: z.string(), verdict: Verdict }),
]);
export type Note = z.infer<typeof Note>;

type WithoutPlace<T> = T extends unknown ? Omit<T, 'subject' | 'patch'> : never;

/** What a patch's text alone says: patch number and subject are added by the caller. */
export type PatchNote = WithoutPlace<Extract<Note, { code: 'series.diffstat' | 'series.blanks' }>>;
