import { z } from 'zod';
import { Verdict } from './verdict.ts';

const note = <C extends string, S extends z.ZodRawShape>(code: C, shape: S) =>
  z.object({ code: z.literal(code), subject: z.string(), ...shape });

const Posting = z.object({ version: z.number(), title: z.string(), patches: z.number(), total: z.number() });
const number = z.number().int();
/** `reply`: it answers another mail; `cover`: a cover letter; `unmarked`: no `[PATCH]`; `no-diff`: it has none. */
const LeftReason = z.enum(['reply', 'cover', 'unmarked', 'no-diff']);
const DiffStat = z.object({ files: number, added: number, removed: number });

/** An observation that is not an error. `subject` names the file, series, source, recipe, suite or entry of the cache that was observed. */
export const Note = z.discriminatedUnion('code', [
  /** A thread has several postings, of which `taken` was imported; `more`: left ones that are not listed. */
  note('series.postings', { taken: Posting, left: z.array(Posting), more: number.optional() }),
  /** A source without threads has the patches of several postings, all of which are taken in their order, as git am does. */
  note('series.joined', { postings: number, patches: number }),
  /** Only some patches were sent anew as `version`; those numbered `kept` are of an `earlier` one. */
  note('series.reroll', { version: number, earlier: number, kept: z.array(number) }),
  /** A folder has patch files of several versions; `left` files of others than `taken` were not read. */
  note('series.versions', { taken: number, left: number }),
  /** Patch files of a folder that its quilt `series` file does not list; of `count` the first. */
  note('series.unlisted', { files: z.array(z.string()), count: number }),
  /** Mails with a diff, or announced as a patch, that are no part of the series; of `count` the first. */
  note('series.left', {
    mails: z.array(z.object({ where: z.string(), title: z.string(), reason: LeftReason })),
    count: number,
  }),
  /** Text before the first message of an mbox. */
  note('series.preamble', { lines: number }),
  /** Lines between the files of a diff that are no part of it. */
  note('series.ignored', { patch: number, lines: number, first: z.string() }),
  /** The diff was converted from a character set to UTF-8; git am would keep its bytes. */
  note('series.charset', { patch: number, charset: z.string() }),
  /** A part of a patch mail that is no text and was left out; `name` of its file, empty where it has none. */
  note('series.attachment', { patch: number, type: z.string(), name: z.string() }),
  /** A patch number occurs more than once; the patch at `where` replaced an earlier one. */
  note('series.repeated', { patch: number, where: z.string() }),
  /** The diffstat announces other numbers of files or lines than the diff has. */
  note('series.diffstat', { patch: number, announced: DiffStat, found: DiffStat }),
  /** Empty context lines that have lost their leading blank; git apply takes them as they are. */
  note('series.blanks', { patch: number, lines: number }),
  /** A trailer in a reply names a person other than its sender and was not added to the patch. */
  note('series.trailer', { line: z.string() }),
  /** A diff without author and commit message. */
  note('series.bare', {}),
  /** Merge commits in a git range, left out of the series. */
  note('series.merges', { count: number }),
  /** A stored series cannot be read. */
  note('series.unreadable', { message: z.string() }),
  /** A hunk was applied at `line`, which is `by` lines from where its header says; `more`: such hunks of the patch that are not noted. */
  note('apply.offset', { patch: number, hunk: number, line: number, by: number, more: number.optional() }),
  /** A patch for another project was not applied. */
  note('apply.foreign', { patch: number, title: z.string(), reason: z.string() }),
  /** A series was applied without these of its `announced` patches. */
  note('apply.missing', { patches: z.array(number), announced: number }),
  /** A git tree has uncommitted changes, which the source does not include. */
  note('source.uncommitted', {}),
  /** An entry of the cache is damaged and is made again; `subject` is its path in the cache. */
  note('cache.damaged', { damage: z.string() }),
  /** A snapshot of Node could not be made, so that Node starts more slowly in guests. */
  note('image.snapshot', { target: z.string(), reason: z.string() }),
  /** The modules of a kernel are too large to be copied into its guests. */
  note('guest.modules', { megabytes: z.number() }),
  /** A guest could not be forked of a template, or the template could not be made: guests of its kind boot. */
  note('guest.fork-failed', { reason: z.string() }),
  /** The user allows code of kernels and recipes to run without a sandbox. */
  note('sandbox.off', {}),
  /** A run could not be added to the history at `subject`; its record is complete. */
  note('history.failed', { message: z.string() }),
  /** A test fails without any mutant and therefore cannot kill one. */
  note('mutants.excluded', { test: z.string(), verdict: Verdict }),
]);
export type Note = z.infer<typeof Note>;

type WithoutPlace<T> = T extends unknown ? Omit<T, 'subject' | 'patch'> : never;

/** A note about the text of one patch, to which the caller adds subject and patch number. */
export type PatchNote = WithoutPlace<
  Extract<Note, { code: 'series.diffstat' | 'series.blanks' | 'series.ignored' }>
>;
