import { basename } from 'node:path';
import { findDiff, isPatchBreak } from './diff-start.ts';
import { MAX_DATE, MAX_HEADER_LINE } from './limits.ts';
import { parseFrom } from './person.ts';
import { plain } from './plain.ts';
import type { Mail } from './stages.ts';

/** What the lines above a diff say: `rest` is the message with in-body headers, if any. */
interface Head {
  title?: string;
  author?: string;
  date?: string;
  rest: string[];
}

const isBlank = (line: string) => line.trim() === '';

/** `# HG changeset patch`, as git am takes it: `# User`, `# Date SECONDS OFFSET`, other `#` lines, the message. */
function mercurialHead(lines: readonly string[]): Head | undefined {
  if (lines[0] !== '# HG changeset patch') return undefined;
  const end = lines.findIndex((line) => !line.startsWith('#'));
  const value = (name: string) =>
    lines
      .find((line) => line.startsWith(`# ${name} `))
      ?.slice(name.length + 3)
      .trim();
  const seconds = Number(value('Date')?.split(' ')[0]);
  const author = value('User');
  const message = end < 0 ? [] : lines.slice(end);
  const title = message.find((line) => !isBlank(line));
  return {
    ...(title ? { title } : {}),
    ...(author ? { author } : {}),
    ...(Number.isFinite(seconds) && seconds > 0
      ? { date: new Date(Math.min(seconds, 1e11) * 1000).toISOString() }
      : {}),
    rest: message.slice(message.findIndex((line) => !isBlank(line)) + 1),
  };
}

/** The output of git show or git log: `commit ID`, `Author:`, `Date:`, the message indented by four blanks. */
function commitHead(lines: readonly string[]): Head | undefined {
  if (!/^commit [0-9a-f]{7,64}\b/.test(lines[0] ?? '')) return undefined;
  const end = lines.findIndex(isBlank);
  const value = (name: RegExp) =>
    lines
      .slice(0, Math.max(0, end))
      .find((line) => name.test(line))
      ?.replace(name, '')
      .trim();
  const message = lines
    .slice(Math.max(0, end))
    .filter((line) => isBlank(line) || line.startsWith('    '))
    .map((line) => line.slice(4));
  const first = message.findIndex((line) => !isBlank(line));
  const author = value(/^Author:/);
  const date = value(/^(?:Author)?Date:/);
  return {
    ...(first < 0 ? {} : { title: message[first] ?? '' }),
    ...(author ? { author } : {}),
    ...(date ? { date } : {}),
    rest: first < 0 ? [] : message.slice(first + 1),
  };
}

/** Fields of which a header above a patch of a distribution has at least one (DEP-3; quilt). */
const FIELDS = /^(?:Description|Subject|Author|From|Origin|Forwarded):/i;

/** Header fields (DEP-3, or a mail header that lacks some): `Description` or `Subject` is the title, other fields stay in the message. */
function fieldHead(lines: readonly string[]): Head | undefined {
  const blank = lines.findIndex(isBlank);
  const block = lines.slice(0, blank < 0 ? undefined : blank);
  if (!/^[A-Za-z][A-Za-z-]*:/.test(block[0] ?? '') || !block.some((line) => FIELDS.test(line)))
    return undefined;
  const head: Head = { rest: [] };
  const others: string[] = [];
  let target: string[] = others;
  const description: string[] = [];
  for (const line of block) {
    const [, name = '', value = ''] = /^([A-Za-z][A-Za-z-]*):\s*(.*)$/.exec(line) ?? [];
    const key = name.toLowerCase();
    if (key === 'description' || key === 'subject') {
      target = description;
      target.push(value);
    } else if (key === 'author' || key === 'from') head.author ??= value;
    else if (key === 'date') head.date ??= value;
    else if (name) {
      target = others;
      target.push(line);
    } else target.push(target === description ? line.trim().replace(/^\.$/, '') : line);
  }
  const [title = '', ...more] = description;
  const after = blank < 0 ? [] : lines.slice(blank + 1);
  return {
    ...head,
    ...(title ? { title } : {}),
    rest: [...more, '', ...after, '', ...others],
  };
}

/** A title, and below it the message, which may begin with `From:`, `Author:` or `Date:` (stgit, quilt). */
function titleHead(lines: readonly string[]): Head {
  const first = lines.findIndex((line) => !isBlank(line));
  if (first < 0) return { rest: [] };
  const rest = lines.slice(first + 1);
  const top = rest.findIndex((line) => !isBlank(line));
  for (let at = top; at >= 0 && /^(?:From|Author|Date):/.test(rest[at] ?? ''); at++)
    rest[at] = (rest[at] ?? '').replace(/^Author:/, 'From:');
  return { title: (lines[first] ?? '').replace(/^#+\s*/, ''), rest };
}

/** The mail for a diff and the lines above it. */
function readOne(text: string, where: string, fallback: string): Mail {
  const lines = text.split('\n');
  const start = findDiff(lines) ?? lines.length;
  const cut = lines.slice(0, start).findIndex((line) => isPatchBreak(line));
  const above = lines.slice(0, cut < 0 ? start : cut);
  const head = mercurialHead(above) ?? commitHead(above) ?? fieldHead(above) ?? titleHead(above);
  const message = head.rest.join('\n').trim();
  const date = plain(head.date ?? '').slice(0, MAX_DATE);
  return {
    subject: plain(head.title ?? '').slice(0, MAX_HEADER_LINE) || fallback,
    from: head.author ? parseFrom(plain(head.author)) : { name: 'unknown', email: '' },
    ...(date ? { date } : {}),
    references: [],
    text: `${message ? `${message}\n` : ''}---\n${lines.slice(start).join('\n')}`,
    where,
    ...(head.title ? {} : { untitled: true }),
  };
}

/**
 * The patches of a text that is no mail: a diff, with a header of a distribution, Mercurial, stgit or quilt above it or without one, or the
 * output of git log. The name of the file stands for a title that is missing.
 */
export function readPlainPatches(text: string, where: string): Mail[] {
  const fallback = basename(where)
    .replace(/\.(?:gz|xz|bz2|zst)$/i, '')
    .replace(/\.(?:patch|diff|txt)$/i, '');
  const trimmed = text.replace(/^\s*\n/, '');
  const commits = trimmed.startsWith('commit ')
    ? trimmed.split(/^(?=commit [0-9a-f]{7,64}\b.*$)/m)
    : [trimmed];
  return commits.map((commit, index) =>
    readOne(commit, commits.length > 1 ? `${where}, commit ${index + 1}` : where, fallback),
  );
}
