import { InputError, type Problem } from '../core/errors.ts';
import { BINARY_LIMIT, binaryBytes } from '../model/binary-patch.ts';
import type { Note } from '../model/note.ts';
import type { Patch } from '../model/series.ts';
import { oneLine } from '../model/visible.ts';
import { foreignReason } from './file-names.ts';
import { firstProblems, MAX_FILES, MAX_LISTED, MAX_PATCHES, MAX_SUBJECT } from './limits.ts';
import { type PatchText, readPatchText } from './patch-text.ts';
import type { Entry, Mail, Person, Posting } from './stages.ts';
import { parsePerson } from './trailers.ts';
import { hasTabs, tabsLost } from './whitespace.ts';

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
  mail: Mail;
  patch: Patch;
  text: PatchText;
  problems: Problem[];
}

function parsePatch({ mail, subject, diffStart = 0 }: Entry, number: number, advice: string): ParsedPatch {
  const text = readPatchText(mail, diffStart);
  const problems = [...text.problems];
  if (mail.garbled && text.diff.includes('\ufffd')) {
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
  return { mail, patch, text, problems: problems.map((problem) => ({ fix: advice, ...problem })) };
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

/** Problems of patches whose tabs are lost, unless another patch of the same sender has tabs: then its code has none. */
function tabProblems(parsed: readonly ParsedPatch[], fix: string): Problem[] {
  const senderOf = ({ mail }: ParsedPatch) => mail.from.email || mail.from.name;
  const intact = new Set(parsed.filter(({ patch }) => hasTabs(patch)).map(senderOf));
  const what = 'its tabs were turned into blanks, so that it cannot apply';
  return parsed
    .filter((each) => !intact.has(senderOf(each)) && !foreignReason(each.patch.files) && tabsLost(each.patch))
    .map(({ mail }) => ({ what, where: mail.where, fix }));
}

/** Notes about a patch: its text, its character set, attachments that are no part of it. */
function notesOf({ mail, patch, text }: ParsedPatch, subject: string): Note[] {
  const place = { subject, patch: patch.number };
  return [
    ...text.notes.map((note) => ({ ...place, ...note })),
    ...(mail.converted
      ? [{ code: 'series.charset' as const, ...place, charset: oneLine(mail.converted, 50) }]
      : []),
    ...(mail.left ?? []).slice(0, MAX_LISTED).map(({ type, name }) => ({
      code: 'series.attachment' as const,
      ...{ ...place, type: oneLine(type, 100), name: oneLine(name ?? '', 200) },
    })),
  ];
}

/**
 * The patches of a posting in their order; oddities become notes. `advice` is what the user can do about a patch that is unusable. Throws
 * one InputError with every problem of the patches.
 */
export function readPatches(
  posting: Posting,
  advice: string,
  where: string,
  note: (note: Note) => void,
): Patch[] {
  const parsed = posting.patches.map((entry) => parsePatch(entry, Math.max(1, entry.number), advice));
  const problems = [
    ...parsed.flatMap((patch) => patch.problems),
    ...tabProblems(parsed, advice),
    ...sumProblems(parsed, where),
  ];
  if (problems.length > 0) throw new InputError(firstProblems(problems));
  for (const patch of parsed) for (const each of notesOf(patch, where)) note(each);
  return parsed.map(({ patch }) => patch);
}
