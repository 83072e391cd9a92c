import type { Problem } from '../core/errors.ts';
import type { PatchNote } from '../model/note.ts';
import type { Patch } from '../model/series.ts';
import { oneLine } from '../model/visible.ts';
import { isPatchBreak } from './diff-start.ts';
import { checkFiles } from './file-names.ts';
import { scanDiff } from './hunks.ts';
import { type InBodyHeaders, readInBodyHeaders } from './in-body.ts';
import { MAX_LINE } from './limits.ts';
import type { Mail } from './stages.ts';
import { readTrailers } from './trailers.ts';

/** The text of a patch mail, parsed. */
export interface PatchText extends InBodyHeaders {
  /** Commit message below the subject. */
  body: string;
  trailers: Patch['trailers'];
  files: string[];
  diff: string;
  /** Everything that makes the patch unusable. */
  problems: Problem[];
  /** Oddities that leave the patch usable. */
  notes: PatchNote[];
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

/** A message without blank lines at its ends. */
const trimMessage = (lines: readonly string[]) =>
  lines
    .slice(
      Math.max(
        0,
        lines.findIndex((line) => line.trim() !== ''),
      ),
    )
    .join('\n')
    .trimEnd();

/** The message above a diff, and the index of the line that ends it; of a commit it is known, of a mail git mailinfo finds it. */
function readMessage(head: readonly string[], mail: Pick<Mail, 'messageLines'>) {
  const { messageLines } = mail;
  if (messageLines !== undefined)
    return { headers: {}, body: trimMessage(head.slice(0, messageLines)), cut: -1 };
  const cut = head.findIndex(isPatchBreak);
  const { headers, rest } = readInBodyHeaders(cut < 0 ? head : head.slice(0, cut));
  return { headers, body: trimMessage(head.slice(rest, cut < 0 ? undefined : cut)), cut };
}

/** Parses the text of a patch, whose diff starts at line `start`, and checks every hunk and file name. Never throws. */
export function readPatchText(mail: Pick<Mail, 'text' | 'where' | 'messageLines'>, start: number): PatchText {
  const { text, where } = mail;
  const lines = text.split('\n');
  const scan = scanDiff(lines, start);
  const head = lines.slice(0, start);
  const { headers, body, cut } = readMessage(head, mail);
  const { files, problems: fileProblems } = checkFiles(scan, where);
  const long = lines.findIndex((line) => line.length > MAX_LINE);
  const notes: PatchNote[] = [];
  const added = scan.files.reduce((sum, file) => sum + file.added.length, 0);
  const removed = scan.files.reduce((sum, file) => sum + file.removed, 0);
  const stat = cut < 0 ? undefined : checkStat(head.slice(cut).join('\n'), scan.files.length, added, removed);
  if (stat && !scan.files.some((file) => file.binary)) notes.push(stat);
  if (scan.bareBlank > 0) notes.push({ code: 'series.blanks', lines: scan.bareBlank });
  const [ignored] = scan.ignored;
  if (ignored)
    notes.push({ code: 'series.ignored', lines: scan.ignored.length, first: oneLine(ignored, 200) });
  return {
    ...headers,
    body,
    trailers: readTrailers(body),
    files,
    diff: `${lines.slice(start, scan.end).join('\n')}\n`,
    problems: [
      ...scan.flaws.map(({ line, what }) => ({ what, where: `${where}, line ${line + 1} of its text` })),
      ...fileProblems,
      ...(long < 0 ? [] : [{ what: 'an overlong line', where: `${where}, line ${long + 1} of its text` }]),
    ],
    notes,
  };
}
