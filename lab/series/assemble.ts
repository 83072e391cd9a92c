import { hashOf } from '../core/hash.ts';
import type { Note } from '../model/note.ts';
import type { Patch, Series } from '../model/series.ts';
import { foreignReason } from './file-names.ts';
import type { Posting } from './stages.ts';

interface AssembleInput {
  posting: Posting;
  /** Its patches in order, with the trailers of replies. */
  patches: readonly Patch[];
  /** Default: the title as a slug. */
  name?: string | undefined;
  /** Default: the title of the cover letter or of the first patch. */
  title?: string | undefined;
  origin: Series['origin'];
  notes: readonly Note[];
}

/** `io_uring: support SQE group` -> `io-uring-support-sqe-group`. */
function slug(title: string): string {
  const words = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return words.length <= 60 ? words || 'series' : words.slice(0, 60).replace(/-[^-]*$/, '');
}

/** Identity of a series: authors, messages and diffs of its patches. */
export function seriesId(patches: readonly Patch[]): string {
  return hashOf(
    ...patches.map(({ author, subject, body, diff }) =>
      JSON.stringify([author.name, author.email, subject, body, diff]),
    ),
  );
}

/** The commit in the `base-commit:` line of a cover letter. */
const baseCommitOf = (text = '') => /^base-commit: ([0-9a-f]{40})\s*$/m.exec(text)?.[1];

/** Makes a series of the patches of a posting: those for another project are set aside, missing ones are listed. */
export function assemble({ posting, patches, name, title, origin, notes }: AssembleInput): Series {
  const announced = Math.max(posting.total, ...patches.map(({ number }) => number));
  const present = new Set(patches.map(({ number }) => number));
  const numbers = Array.from({ length: announced }, (_, index) => index + 1);
  const judged = patches.map((patch) => ({ patch, reason: foreignReason(patch.files) }));
  const kernelPatches = judged.filter(({ reason }) => reason === undefined).map(({ patch }) => patch);
  const coverText = posting.cover?.mail.text;
  const messageId = posting.cover?.mail.messageId;
  const cover = coverText?.replace(/\n-- \n[\s\S]*$/, '').trim();
  const texts = [coverText, ...posting.patches.map(({ mail }) => mail.text)];
  const base = texts.map(baseCommitOf).find((commit) => commit !== undefined);
  const seriesTitle = title ?? posting.cover?.subject.title ?? patches[0]?.subject ?? 'series';
  return {
    id: seriesId(kernelPatches),
    name: name ?? slug(seriesTitle),
    title: seriesTitle,
    version: posting.version,
    announced,
    ...(cover ? { cover } : {}),
    ...(messageId ? { messageId } : {}),
    ...(base ? { baseCommit: base } : {}),
    patches: kernelPatches,
    missing: numbers.filter((number) => !present.has(number)),
    foreign: judged.flatMap(({ patch, reason }) => (reason === undefined ? [] : [{ patch, reason }])),
    origin,
    notes: [...notes],
  };
}
