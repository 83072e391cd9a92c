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

export interface AssembleInput {
  entries: readonly Entry[];
  version?: number;
  name?: string;
  /** Used when no mail says what the series is called. */
  title?: string;
  origin: Series['origin'];
  /** What the user gave: for messages. */
  where: string;
  /** What to do about a damaged patch. */
  fix?: string;
}

/** `io_uring: support SQE group` -> `io-uring-support-sqe-group`. */
export function slug(title: string): string {
  const words = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return words.length <= 60 ? words || 'series' : words.slice(0, 60).replace(/-[^-]*$/, '');
}

/** Identity of a series: what its patches change and say. */
export function seriesId(patches: readonly Patch[]): string {
  return hashOf(
    ...patches.map(({ author, subject, body, diff }) =>
      JSON.stringify([author.name, author.email, subject, body, diff]),
    ),
  );
}

/** Archives hide addresses; the author's own trailer often has it. */
function authorOf(mail: Mail, text: PatchText): Person {
  const author = text.from ?? mail.from;
  if (author.email) return author;
  const signed = text.trailers
    .map(({ value }) => parsePerson(value))
    .find(({ name, email }) => email !== '' && name.toLowerCase() === author.name.toLowerCase());
  return signed ?? author;
}

interface Read {
  patch: Patch;
  text: PatchText;
}

function readPatch(entry: Entry, number: number, fix: string | undefined): Read & { problems: Problem[] } {
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
    problems.push({ what: 'its tabs were turned into blanks: it cannot apply', where: mail.where });
  }
  return { patch, text, problems: problems.map((problem) => ({ fix, ...problem })) };
}

/** One entry for each number, the last where a number repeats. */
function byNumber(
  posting: Posting,
  note: (repeated: { patch: number; where: string }) => void,
): Map<number, Entry> {
  const found = new Map<number, Entry>();
  for (const entry of posting.patches) {
    const number = numberOf(entry);
    if (found.has(number)) note({ patch: number, where: entry.mail.where });
    found.set(number, entry);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

/** Makes a series of the mails of a thread. Throws one InputError with everything that is wrong in its patches. */
export function assemble(input: AssembleInput, ctx: StageContext): Series {
  const { chosen, others } = choosePosting(groupPostings(input.entries), input.version, input.where);
  const subject = input.where;
  const note = (body: Note) => ctx.emit({ type: 'note', note: body });
  if (others.length > 0) {
    note({ code: 'series.postings', subject, taken: postingFacts(chosen), left: others.map(postingFacts) });
  }
  const read = [
    ...byNumber(chosen, (repeated) => note({ code: 'series.repeated', subject, ...repeated })),
  ].map(([number, entry]) => readPatch(entry, Math.max(1, number), input.fix));
  const problems = read.flatMap((one) => one.problems);
  if (problems.length > 0) throw new InputError(problems);
  for (const { patch, text } of read)
    for (const oddity of text.notes) note({ subject, patch: patch.number, ...oddity });

  const { given, doubtful } = trailersFromReplies(input.entries, chosen);
  for (const line of doubtful) note({ code: 'series.trailer', subject, line });
  const all = read.map(({ patch }) => addTrailers(patch, given));
  const announced = Math.max(chosen.total, ...all.map(({ number }) => number));
  const here = new Set(all.map(({ number }) => number));
  const split = all.map((patch) => ({ patch, reason: foreignReason(patch.files) }));
  const patches = split.filter(({ reason }) => reason === undefined).map(({ patch }) => patch);
  const title = chosen.cover?.subject.title ?? input.title ?? all[0]?.subject ?? 'series';
  const cover = chosen.cover?.mail.text.replace(/\n-- \n[\s\S]*$/, '').trim();
  const baseCommit = [chosen.cover?.mail.text, ...read.map(({ text }) => `base-commit: ${text.baseCommit}`)]
    .map((text) => /^base-commit: ([0-9a-f]{40})$/m.exec(text ?? '')?.[1])
    .find((found) => found !== undefined);
  return {
    id: seriesId(patches),
    name: input.name ?? slug(title),
    title,
    version: chosen.version,
    announced,
    ...(cover ? { cover } : {}),
    ...(baseCommit ? { baseCommit } : {}),
    patches,
    missing: Array.from({ length: announced }, (_, index) => index + 1).filter((number) => !here.has(number)),
    foreign: split.flatMap(({ patch, reason }) => (reason === undefined ? [] : [{ patch, reason }])),
    origin: input.origin,
  };
}
