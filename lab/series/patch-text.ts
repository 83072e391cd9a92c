import type { Problem } from '../core/errors.ts';
import type { PatchNote } from '../model/note.ts';
import type { Patch } from '../model/series.ts';
import { checkFiles } from './file-names.ts';
import { scanDiff } from './hunks.ts';
import { MAX_DATE, MAX_LINE } from './limits.ts';
import { plain } from './plain.ts';
import type { Person } from './stages.ts';
import { parseSubject } from './subject.ts';
import { parsePerson, readTrailers } from './trailers.ts';

/** The text of a patch mail, parsed. */
export interface PatchText {
  /** In-body headers, which override those of the mail (git-am(1)). */
  from?: Person;
  /** Subject without its prefixes. */
  title?: string;
  date?: string;
  /** Commit message below the subject. */
  body: string;
  trailers: Patch['trailers'];
  files: string[];
  diff: string;
  baseCommit?: string;
  /** Everything that makes the patch unusable. */
  problems: Problem[];
  /** Oddities that leave the patch usable. */
  notes: PatchNote[];
}

type InBodyHeaders = Pick<PatchText, 'from' | 'title' | 'date'>;

/** Reads `From:`, `Subject:` and `Date:` at the top of a body, as git am does. `rest` is the index of the line after them. */
function readInBodyHeaders(lines: readonly string[]): { headers: InBodyHeaders; rest: number } {
  const headers: InBodyHeaders = {};
  let subject = '';
  let at = lines.findIndex((line) => line.trim() !== '');
  if (at < 0) return { headers, rest: 0 };
  for (; at < lines.length; at++) {
    const [, key = '', written = ''] = /^(From|Subject|Date): (.*)$/.exec(lines[at] ?? '') ?? [];
    const value = plain(written);
    if (key === 'From') headers.from = parsePerson(value);
    else if (key === 'Subject') subject = value;
    else if (key === 'Date') headers.date = value.slice(0, MAX_DATE);
    else break;
  }
  if (subject) headers.title = parseSubject(subject).title;
  return { headers, rest: at };
}

/** A note when the diffstat differs from the diff, which is the only sign of a file's part that was lost. */
function checkStat(between: string, files: number, added: number, removed: number): PatchNote | undefined {
  const stat = /^ (\d+) files? changed(?:, (\d+) insertions?\(\+\))?(?:, (\d+) deletions?\(-\))?$/m.exec(
    between,
  );
  if (!stat) return undefined;
  const announced = { files: Number(stat[1]), added: Number(stat[2] ?? 0), removed: Number(stat[3] ?? 0) };
  const isRight = announced.files === files && announced.added === added && announced.removed === removed;
  return isRight ? undefined : { code: 'series.diffstat', announced, found: { files, added, removed } };
}

/**
 * Parses the text of a patch mail, whose diff starts at line `start`, and checks every hunk and file name. `where` names the message.
 * Never throws.
 */
export function readPatchText(text: string, start: number, where: string): PatchText {
  const lines = text.split('\n');
  const scan = scanDiff(lines, start);
  const head = lines.slice(0, start);
  const cut = head.findIndex((line) => /^---\s*$/.test(line));
  const { headers, rest } = readInBodyHeaders(head);
  const body = head
    .slice(rest, cut < 0 ? undefined : Math.max(rest, cut))
    .join('\n')
    .trim();
  const { files, problems: fileProblems } = checkFiles(scan, where);
  const long = lines.findIndex((line) => line.length > MAX_LINE);
  const notes: PatchNote[] = [];
  const added = scan.files.reduce((sum, file) => sum + file.added.length, 0);
  const removed = scan.files.reduce((sum, file) => sum + file.removed, 0);
  const stat = cut < 0 ? undefined : checkStat(head.slice(cut).join('\n'), scan.files.length, added, removed);
  if (stat && !scan.files.some((file) => file.binary)) notes.push(stat);
  if (scan.bareBlank > 0) notes.push({ code: 'series.blanks', lines: scan.bareBlank });
  const baseCommit = /^base-commit: ([0-9a-f]{40})$/m.exec(text)?.[1];
  return {
    ...headers,
    body,
    trailers: readTrailers(body),
    files,
    diff: `${lines.slice(start, scan.end).join('\n')}\n`,
    ...(baseCommit ? { baseCommit } : {}),
    problems: [
      ...scan.flaws.map(({ line, what }) => ({ what, where: `${where}, line ${line + 1} of its text` })),
      ...fileProblems,
      ...(long < 0 ? [] : [{ what: 'an overlong line', where: `${where}, line ${long + 1} of its text` }]),
    ],
    notes,
  };
}
