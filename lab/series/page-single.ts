import type { Mail } from './stages.ts';
import { parsePerson } from './trailers.ts';

const YEAR = /\b(?:19|20)\d\d\b/;
const AT = /^(.*\S)\s+(\S+) at (\S+\.\S+)$/;

/** What precedes the body of an archived message. */
interface Head {
  name: string;
  email: string;
  date: string;
  /** Index of the first line of the body. */
  body: number;
}

/** Pipermail: subject, blank, `Name user at host`, date. */
function pipermailHead(lines: readonly string[]): Head | undefined {
  for (let at = 1; at < Math.min(lines.length - 1, 8); at++) {
    const [, name, user, host] = AT.exec((lines[at] ?? '').slice(0, 300)) ?? [];
    const date = lines[at + 1] ?? '';
    if (name && YEAR.test(date)) return { name, email: `${user}@${host}`, date: date.trim(), body: at + 2 };
  }
  return undefined;
}

/** Archives with `From: Name` and `Date: ...` below the subject; most hide addresses. */
function archiveHead(lines: readonly string[]): Head | undefined {
  const from = lines.findIndex((line, at) => at > 0 && at < 8 && /^From: \S/.test(line));
  const date = lines.findIndex((line, at) => at > 0 && at < 12 && /^Date: \S/.test(line));
  if (from < 0 || date < 0) return undefined;
  const sender = (lines[from] ?? '').slice(6, 1000).trim();
  const { name, email } = parsePerson(sender);
  const person = /^[^\s@]+@[^\s@]+$/.test(email) ? { name, email } : { name: sender, email: '' };
  return { ...person, date: (lines[date] ?? '').slice(6).trim(), body: Math.max(from, date) + 1 };
}

function readHead(text: string): { lines: string[]; head: Head | undefined; pipermail: boolean } {
  const lines = text.replace(/^\s*\n/, '').split('\n');
  const titled = !/^[A-Za-z][A-Za-z-]*: /.test(lines[0] ?? '') || /^(?:re|fwd?|aw): /i.test(lines[0] ?? '');
  const pipermail = pipermailHead(lines);
  return {
    lines,
    head: titled ? (pipermail ?? archiveHead(lines)) : undefined,
    pipermail: pipermail !== undefined,
  };
}

/**
 * The message of a page of one message in a list archive (Pipermail, or one with From and Date lines); undefined for any other text.
 * Pipermail's `<user at host>` becomes an address again, outside of the diff.
 */
export function readSinglePage(text: string, where: string): { mails: Mail[] } | undefined {
  const { lines, head, pipermail } = readHead(text);
  if (!head) return undefined;
  const end = lines.findIndex((line) => /^More information about the .* mailing list$/.test(line));
  const body = lines.slice(head.body, end < 0 ? undefined : end).join('\n');
  const start = body.search(/^diff --git /m);
  const prose = start < 0 ? body : body.slice(0, start);
  const restored = pipermail ? prose.replace(/<([^\s<>]{1,100}) at ([^\s<>]{1,100})>/g, '<$1@$2>') : prose;
  const mail: Mail = {
    subject: lines[0] ?? '',
    from: { name: head.name, email: head.email },
    date: head.date,
    references: [],
    text: start < 0 ? restored : restored + body.slice(start),
    where,
  };
  return { mails: [mail] };
}
