import { InputError, type Problem } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import type { StageContext } from '../model/event.ts';
import type { Note } from '../model/note.ts';
import type { Patch, Series } from '../model/series.ts';
import { foreignReason } from './files.ts';
import type { Mail, Person } from './mail.ts';
import { type PatchText, parsePerson, readPatchText } from './patch-text.ts';
import { addTrailers, trailersFromReplies } from './replies.ts';
import { parseSubject } from './subject.ts';
import { choosePosting, type Entry, groupPostings, numberOf, type Posting, postingFacts } from './thread.ts';
import { tabsLost } from './whitespace.ts';

interface AssembleInput {
  entries: readonly Entry[];
  /** Version of the posting to take; default the newest. */
  version?: number;
  /** Default: the title as a slug. */
  name?: string;
  /** Title of a series without a cover letter; default the subject of its first patch. */
  title?: string;
  origin: Series['origin'];
  /** Path or git range that the user named, for messages. */
  where: string;
  /** `fix` of problems in a patch. */
  fix?: string;
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

/** The author of a patch. Where an archive hides the address, it is taken from a trailer with the author's name. */
function authorOf(mail: Mail, text: PatchText): Person {
  const author = text.from ?? mail.from;
  if (author.email) return author;
  const signed = text.trailers
    .map(({ value }) => parsePerson(value))
    .find(({ name, email }) => email !== '' && name.toLowerCase() === author.name.toLowerCase());
  return signed ?? author;
}

interface ParsedPatch {
  patch: Patch;
  text: PatchText;
  problems: Problem[];
}

function parsePatch(entry: Entry, number: number, fix: string | undefined): ParsedPatch {
  const { mail, subject } = entry;
  const text = readPatchText(mail.text, mail.where);
  const problems = [...text.problems];
  if (mail.garbled) {
    problems.push({ what: 'its text does not fit its character set', where: mail.where, expected: 'UTF-8' });
  }
  const date = text.date ?? mail.date;
  const patch: Patch = {
    number,
    subject: text.subject ? parseSubject(text.subject).title : subject.title,
    author: authorOf(mail, text),
    ...(date ? { date } : {}),
    ...(mail.messageId ? { messageId: mail.messageId } : {}),
    body: text.body,
    trailers: text.trailers,
    files: text.files,
    diff: text.diff,
  };
  if (tabsLost(patch)) {
    problems.push({ what: 'its tabs were turned into blanks, so that it cannot apply', where: mail.where });
  }
  return { patch, text, problems: problems.map((problem) => ({ fix, ...problem })) };
}

/** One entry for each number, the last where a number repeats. */
function byNumber(
  posting: Posting,
  note: (repeated: { patch: number; where: string }) => void,
): Map<number, Entry> {
  const entries = new Map<number, Entry>();
  for (const entry of posting.patches) {
    const number = numberOf(entry);
    if (entries.has(number)) note({ patch: number, where: entry.mail.where });
    entries.set(number, entry);
  }
  return new Map([...entries].sort(([a], [b]) => a - b));
}

/**
 * Makes a series from the mails of a thread; oddities become notes. Throws InputError when there is no posting of the wanted
 * version, and one InputError with every problem of the patches.
 */
export function assemble(input: AssembleInput, ctx: StageContext): Series {
  const { chosen, others } = choosePosting(groupPostings(input.entries), input.version, input.where);
  const subject = input.where;
  const note = (body: Note) => ctx.emit({ type: 'note', note: body });
  if (others.length > 0) {
    note({ code: 'series.postings', subject, taken: postingFacts(chosen), left: others.map(postingFacts) });
  }
  const numbered = byNumber(chosen, (repeated) => note({ code: 'series.repeated', subject, ...repeated }));
  const parsed = [...numbered].map(([number, entry]) => parsePatch(entry, Math.max(1, number), input.fix));
  const problems = parsed.flatMap((patch) => patch.problems);
  if (problems.length > 0) throw new InputError(problems);
  for (const { patch, text } of parsed)
    for (const patchNote of text.notes) note({ subject, patch: patch.number, ...patchNote });

  const { trailers, rejected } = trailersFromReplies(input.entries, chosen);
  for (const line of rejected) note({ code: 'series.trailer', subject, line });
  const all = parsed.map(({ patch }) => addTrailers(patch, trailers));
  const announced = Math.max(chosen.total, ...all.map(({ number }) => number));
  const present = new Set(all.map(({ number }) => number));
  const judged = all.map((patch) => ({ patch, reason: foreignReason(patch.files) }));
  const patches = judged.filter(({ reason }) => reason === undefined).map(({ patch }) => patch);
  const title = chosen.cover?.subject.title ?? input.title ?? all[0]?.subject ?? 'series';
  const cover = chosen.cover?.mail.text.replace(/\n-- \n[\s\S]*$/, '').trim();
  const baseCommit = [chosen.cover?.mail.text, ...parsed.map(({ text }) => `base-commit: ${text.baseCommit}`)]
    .map((text) => /^base-commit: ([0-9a-f]{40})$/m.exec(text ?? '')?.[1])
    .find((commit) => commit !== undefined);
  return {
    id: seriesId(patches),
    name: input.name ?? slug(title),
    title,
    version: chosen.version,
    announced,
    ...(cover ? { cover } : {}),
    ...(baseCommit ? { baseCommit } : {}),
    patches,
    missing: Array.from({ length: announced }, (_, index) => index + 1).filter(
      (number) => !present.has(number),
    ),
    foreign: judged.flatMap(({ patch, reason }) => (reason === undefined ? [] : [{ patch, reason }])),
    origin: input.origin,
  };
}
