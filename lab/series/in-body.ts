import { decodeWords } from 'postal-mime';
import { MAX_DATE, MAX_HEADER_LINE } from './limits.ts';
import { parseFrom } from './person.ts';
import { plain } from './plain.ts';
import type { Person } from './stages.ts';
import { parseSubject } from './subject.ts';

/** Headers at the top of a body, which override those of the mail (git-am(1)). */
export interface InBodyHeaders {
  from?: Person;
  /** Subject without its prefixes. */
  title?: string;
  date?: string;
}

/** Lines among these headers that git mailinfo skips: the separator that git format-patch writes. */
const SEPARATOR = /^>From [0-9a-f]{40} Mon Sep 17 00:00:00 2001$/;

/**
 * Reads `From:`, `Subject:` and `Date:` at the top of a body, each once, folded or in RFC 2047 words, and a line `[PATCH] TITLE`, as git mailinfo
 * does. `rest` is the index of the line after them.
 */
export function readInBodyHeaders(lines: readonly string[]): { headers: InBodyHeaders; rest: number } {
  const values = new Map<string, string[]>();
  let last: string[] | undefined;
  let at = lines.findIndex((line) => line.trim() !== '');
  if (at < 0) return { headers: {}, rest: 0 };
  for (; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const [, name = '', value = ''] = /^(From|Subject|Date):\s*(.*)$/is.exec(line) ?? [];
    const key = name.toLowerCase();
    if (last && /^[ \t]+\S/.test(line)) last.push(line.trim());
    else if (key && !values.has(key)) {
      last = [value];
      values.set(key, last);
    } else if (/^\[PATCH\]\s/.test(line)) values.set('subject', [line]);
    else if (!SEPARATOR.test(line)) break;
  }
  const value = (key: string) => {
    const written = values.get(key)?.join(' ').slice(0, MAX_HEADER_LINE);
    return written === undefined ? '' : plain(decodeWords(written));
  };
  const [from, subject, date] = [value('from'), value('subject'), value('date').slice(0, MAX_DATE)];
  return {
    headers: {
      ...(from ? { from: parseFrom(from) } : {}),
      ...(subject ? { title: parseSubject(subject).title } : {}),
      ...(date ? { date } : {}),
    },
    rest: at,
  };
}
