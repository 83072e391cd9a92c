import type { RawText } from './stages.ts';

/** How far a header block is searched for the headers of a mail, in lines. */
const MAX_BLOCK = 200;

/** Whether a line is the `From ` line of an mbox as git mailsplit sees it: its last time is followed by a year after 1990. */
function isDatedFromLine(line: string): boolean {
  // The last two characters are no part of a time: mailsplit looks for the colon before them.
  const colon = line.lastIndexOf(':', line.length - 2);
  if (!line.startsWith('From ') || line.length < 19 || colon < 9) return false;
  return (
    /^\d.\d\d:\d\d$/s.test(line.slice(colon - 4, colon + 3)) &&
    Number.parseInt(line.slice(colon + 3), 10) > 90
  );
}

/** The header names of the lines from `start` to the first line that is no header, in lower case. */
function namesAt(text: string, start: number): Set<string> {
  const names = new Set<string>();
  let at = start;
  for (let count = 0; count < MAX_BLOCK && at < text.length; count++) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, Math.min(end < 0 ? text.length : end, at + 1000));
    const name = /^[!-9;-~]+(?=:)/.exec(line)?.[0];
    if (name === undefined && (names.size === 0 || !/^[ \t]*\S/.test(line) || !/^[ \t>]/.test(line))) break;
    if (name !== undefined) names.add(name.toLowerCase());
    if (end < 0) break;
    at = end + 1;
  }
  return names;
}

/** Headers of which a mail has at least two. */
const MAIL_HEADERS = ['from', 'subject', 'date', 'message-id'];

/** Whether the lines from `at` are the headers of a mail. */
const startsMail = (text: string, at: number): boolean => {
  const names = namesAt(text, at);
  return MAIL_HEADERS.filter((name) => names.has(name)).length >= 2;
};

/** Undoes mboxrd's quoting: removes one `>` from `>From `, `>>From ` and so on. */
function unquoteFrom(text: string): string {
  return text.replace(/^>(>*From )/gm, '$1');
}

/**
 * Where the messages of an mbox (latin1) start: at `From ` lines that git mailsplit takes, and after blank lines also at those without a date
 * before the headers of a mail, as some archives write them.
 */
function fromLines(text: string): number[] {
  const starts: number[] = [];
  for (const { index: at } of text.matchAll(/^From \S/gm)) {
    const end = text.indexOf('\n', at);
    if (end < 0) break;
    const line = text.slice(at, end).replace(/\r$/, '');
    const afterBlank = at === 0 || /\n\r?\n$|^\r?\n$/.test(text.slice(Math.max(0, at - 3), at));
    if (
      isDatedFromLine(line)
        ? namesAt(text, end + 1).size > 0 || afterBlank
        : afterBlank && startsMail(text, end + 1)
    )
      starts.push(at);
  }
  return starts;
}

/** The messages of a file, not decoded, and what it has besides. */
export interface SplitFile {
  /** Whether it has `From ` lines. */
  isMbox: boolean;
  messages: RawText[];
  /** Number of lines of text before the first message, which are no mail. */
  preamble: number;
}

/** The messages of a file: those of an mbox (mboxo or mboxrd), the file itself when it is one mail, none when it is neither. */
export function splitMessages(file: RawText): SplitFile {
  // latin1 maps each byte to one character and back.
  const text = file.bytes.toString('latin1').replace(/^\u00ef\u00bb\u00bf/, '');
  const first = text.search(/\S/);
  const starts = fromLines(text);
  const head = starts[0] ?? text.length;
  const isMail = first < head && startsMail(text, first);
  const ranges = [...(isMail ? [first] : []), ...starts];
  const messages = ranges.map((at, index) => {
    const body = isMail && index === 0 ? at : text.indexOf('\n', at) + 1;
    const message = text.slice(body, ranges[index + 1]);
    return Buffer.from(starts.length > 0 ? unquoteFrom(message) : message, 'latin1');
  });
  const placeOf = (index: number) =>
    messages.length > 1 ? `${file.where}, message ${index + 1}` : file.where;
  return {
    isMbox: starts.length > 0,
    messages: messages.map((bytes, index) => ({ bytes, where: placeOf(index) })),
    preamble:
      isMail || starts.length === 0 || first >= head
        ? 0
        : text.slice(first, head).trimEnd().split('\n').length,
  };
}
