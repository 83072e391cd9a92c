import type { Problem } from '../core/errors.ts';
import type { PatchNote } from '../model/note.ts';
import type { Patch } from '../model/series.ts';
import { checkFiles } from './files.ts';
import { scanDiff, startsDiff } from './hunks.ts';
import type { Person } from './mail.ts';

/** What a patch mail says, taken apart. */
export interface PatchText {
  /** Headers that stand in the body and override those of the mail. */
  from?: Person;
  subject?: string;
  date?: string;
  body: string;
  trailers: Patch['trailers'];
  files: string[];
  diff: string;
  baseCommit?: string;
  /** Everything that makes the patch unusable. */
  problems: Problem[];
  /** Oddities worth telling. */
  notes: PatchNote[];
}

const PERSON = /^(.*?)\s*<([^<>]*)>\s*$/;

export function parsePerson(text: string): Person {
  const [, name = text.trim(), email = ''] = PERSON.exec(text.trim().slice(0, 1000)) ?? [];
  return { name: name.replace(/^"(.*)"$/, '$1') || email, email };
}

/** Index of the line where the diff of a message starts, or -1. */
export function findDiff(lines: readonly string[]): number {
  return lines.findIndex((_line, at) => startsDiff(lines, at));
}

/** Takes `From:`, `Subject:` and `Date:` from the top of a body, as git am does. */
function takeInBody(lines: readonly string[]): {
  found: Pick<PatchText, 'from' | 'subject' | 'date'>;
  rest: number;
} {
  const found: Pick<PatchText, 'from' | 'subject' | 'date'> = {};
  let at = lines.findIndex((line) => line.trim() !== '');
  if (at < 0) return { found, rest: 0 };
  for (; at < lines.length; at++) {
    const [, key = '', value = ''] = /^(From|Subject|Date): (.*)$/.exec(lines[at] ?? '') ?? [];
    if (key === 'From') found.from = parsePerson(value);
    else if (key === 'Subject') found.subject = value;
    else if (key === 'Date') found.date = value;
    else break;
  }
  return { found, rest: at };
}

/** Trailers of a commit message: `Key: value` lines of its last paragraph, when it has any with a known look. */
export function readTrailers(body: string): Patch['trailers'] {
  const paragraph =
    body
      .trimEnd()
      .split(/\n\s*\n/)
      .at(-1) ?? '';
  const trailers: Patch['trailers'] = [];
  for (const line of paragraph.split('\n')) {
    const [, key, value] = /^([A-Za-z][A-Za-z0-9-]*):\s+(\S.*)$/.exec(line) ?? [];
    const last = trailers.at(-1);
    if (key && value) trailers.push({ key, value: value.trimEnd() });
    else if (/^\s+\S/.test(line) && last) last.value += ` ${line.trim()}`;
  }
  const sure = trailers.some(({ key }) => /-by$|^(?:Fixes|Link|Cc|Closes|Change-Id)$/i.test(key));
  return sure ? trailers : [];
}

/** Counts that the diffstat claims, against those of the diff: a part that was lost between two files shows here only. */
function checkStat(between: string, files: number, added: number, removed: number): PatchNote | undefined {
  const stat = /^ (\d+) files? changed(?:, (\d+) insertions?\(\+\))?(?:, (\d+) deletions?\(-\))?$/m.exec(
    between,
  );
  if (!stat) return undefined;
  const [claimed, ins, del] = [Number(stat[1]), Number(stat[2] ?? 0), Number(stat[3] ?? 0)];
  if (claimed === files && ins === added && del === removed) return undefined;
  return {
    code: 'series.diffstat',
    announced: { files: claimed, added: ins, removed: del },
    found: { files, added, removed },
  };
}

/** Takes the text of a patch mail apart and checks every hunk and file name. `where` names the message. */
export function readPatchText(text: string, where: string): PatchText {
  const lines = text.split('\n');
  const start = findDiff(lines);
  const scan = scanDiff(lines, start);
  const head = lines.slice(0, start);
  const cut = head.findIndex((line) => /^---\s*$/.test(line));
  const { found, rest } = takeInBody(head);
  const body = head
    .slice(rest, cut < 0 ? undefined : Math.max(rest, cut))
    .join('\n')
    .trim();
  const { files, problems: fileProblems } = checkFiles(scan, where);
  const notes: PatchNote[] = [];
  const added = scan.files.reduce((sum, file) => sum + file.added.length, 0);
  const removed = scan.files.reduce((sum, file) => sum + file.removed, 0);
  const stat = cut < 0 ? undefined : checkStat(head.slice(cut).join('\n'), scan.files.length, added, removed);
  if (stat && !scan.files.some((file) => file.binary)) notes.push(stat);
  if (scan.bareBlank > 0) notes.push({ code: 'series.blanks', lines: scan.bareBlank });
  const baseCommit = /^base-commit: ([0-9a-f]{40})$/m.exec(text)?.[1];
  return {
    ...found,
    body,
    trailers: readTrailers(body),
    files,
    diff: `${lines.slice(start, scan.end).join('\n')}\n`,
    ...(baseCommit ? { baseCommit } : {}),
    problems: [
      ...scan.flaws.map(({ line, what }) => ({ what, where: `${where}, line ${line + 1} of its text` })),
      ...fileProblems,
    ],
    notes,
  };
}
