import { InputError, type Problem } from '../core/errors.ts';
import { BINARY_LIMIT, binaryBytes } from '../model/binary-patch.ts';
import type { StageContext } from '../model/event.ts';
import type { Note } from '../model/note.ts';
import type { Patch } from '../model/series.ts';
import { firstProblems, MAX_FILES, MAX_PATCHES, MAX_SUBJECT } from './limits.ts';
import { type PatchText, readPatchText } from './patch-text.ts';
import type { Entry, Mail, Person, Posting } from './stages.ts';
import { parsePerson } from './trailers.ts';
import { tabsLost } from './whitespace.ts';

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

function parsePatch({ mail, subject, diffStart = 0 }: Entry, number: number, advice: string): ParsedPatch {
  const text = readPatchText(mail.text, diffStart, mail.where);
  const problems = [...text.problems];
  if (mail.garbled) {
    problems.push({ what: 'its text does not fit its character set', where: mail.where, expected: 'UTF-8' });
  }
  const date = text.date ?? mail.date;
  const patch: Patch = {
    number,
    subject: text.title ?? subject.title,
    author: authorOf(mail, text),
    ...(date ? { date } : {}),
    ...(mail.messageId ? { messageId: mail.messageId } : {}),
    body: text.body,
    trailers: text.trailers,
    files: text.files,
    diff: text.diff,
  };
  if (patch.subject.length > MAX_SUBJECT) {
    const what = `a subject of ${patch.subject.length} characters`;
    problems.push({ what, where: mail.where, expected: `at most ${MAX_SUBJECT}` });
  }
  if (tabsLost(patch)) {
    problems.push({ what: 'its tabs were turned into blanks, so that it cannot apply', where: mail.where });
  }
  return { patch, text, problems: problems.map((problem) => ({ fix: advice, ...problem })) };
}

/** One entry for each number, in order; the last where a number repeats. */
function byNumber(posting: Posting, note: (note: Note) => void, subject: string): [number, Entry][] {
  const entries = new Map<number, Entry>();
  for (const entry of posting.patches) {
    const { number, mail } = entry;
    if (entries.has(number)) note({ code: 'series.repeated', subject, patch: number, where: mail.where });
    entries.set(number, entry);
  }
  return [...entries].sort(([a], [b]) => a - b);
}

/** Problems of all patches together: their number, and how much git would make of them. */
function sumProblems(parsed: readonly ParsedPatch[], where: string): Problem[] {
  const files = parsed.reduce((sum, { patch }) => sum + patch.files.length, 0);
  let binary = 0;
  for (const { patch } of parsed) if (binary <= BINARY_LIMIT) binary += binaryBytes(patch.diff);
  const MiB = `${BINARY_LIMIT >> 20} MiB`;
  return [
    ...(parsed.length > MAX_PATCHES
      ? [{ what: `${parsed.length} patches`, where, expected: `at most ${MAX_PATCHES}` }]
      : []),
    ...(files > MAX_FILES
      ? [{ what: `${files} changed files`, where, expected: `at most ${MAX_FILES}` }]
      : []),
    ...(binary > BINARY_LIMIT
      ? [
          {
            what: 'binary changes that are damaged or too large',
            where,
            expected: `at most ${MiB} when unpacked`,
          },
        ]
      : []),
  ];
}

/**
 * The patches of a posting in their order, and the commit that the first of them to name one is based on; oddities become notes.
 * `advice` is what the user can do about a patch that is unusable. Throws one InputError with every problem of the patches.
 */
export function readPatches(
  posting: Posting,
  advice: string,
  where: string,
  ctx: StageContext,
): { patches: Patch[]; baseCommit?: string } {
  const note = (body: Note) => ctx.emit({ type: 'note', note: body });
  const parsed = byNumber(posting, note, where).map(([number, entry]) =>
    parsePatch(entry, Math.max(1, number), advice),
  );
  const problems = [...parsed.flatMap((patch) => patch.problems), ...sumProblems(parsed, where)];
  if (problems.length > 0) throw new InputError(firstProblems(problems));
  for (const { patch, text } of parsed)
    for (const patchNote of text.notes) note({ subject: where, patch: patch.number, ...patchNote });
  const baseCommit = parsed.find(({ text }) => text.baseCommit)?.text.baseCommit;
  return { patches: parsed.map(({ patch }) => patch), ...(baseCommit ? { baseCommit } : {}) };
}
