import { decodeWords } from 'postal-mime';
import { decodeLoose } from './charset.ts';
import { MAX_HEADER_LINE, MAX_HEADERS } from './limits.ts';
import { plain } from './plain.ts';

/** What a line of a header block begins with: a name, or the `From ` line that some programs leave in it (git mailinfo takes both). */
const HEADER_LINE = /^(?:[!-9;-~]+:|>?From )/;

/** The header block of a message or MIME part: by lower-case name the first value, unfolded, one character for each byte. */
export interface HeaderBlock {
  values: ReadonlyMap<string, string>;
  /** Index of the first character of the body. */
  body: number;
}

/**
 * Reads the header block at the start of a text that has one character for each byte (latin1). It ends at a blank line, or before the
 * first line that is no header, which belongs to the body (git mailinfo). Throws Error for more than `MAX_HEADERS` headers.
 */
export function readHeaders(text: string): HeaderBlock {
  const values = new Map<string, string[]>();
  let folded: string[] | undefined;
  let count = 0;
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    const next = end < 0 ? text.length : end + 1;
    const line = text.slice(at, end < 0 ? undefined : end).replace(/\r$/, '');
    if (line.trim() === '') return { values: join(values), body: next };
    if (folded && /^[ \t]/.test(line)) folded.push(line.trim());
    else if (HEADER_LINE.test(line)) {
      if (++count > MAX_HEADERS) throw new Error(`it has more than ${MAX_HEADERS} headers`);
      folded = [];
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      if (!/^>?from /i.test(line) && !values.has(name)) values.set(name, folded);
      folded.push(line.slice(colon + 1).trim());
    } else break;
    at = next;
  }
  return { values: join(values), body: at };
}

const join = (values: ReadonlyMap<string, string[]>) =>
  new Map([...values].map(([name, lines]) => [name, lines.join(' ')]));

/** A header value as text: RFC 2047 words decoded, without control characters. */
export function headerText(bytes: string): string {
  const written = decodeLoose(Buffer.from(bytes.slice(0, 4 * MAX_HEADER_LINE), 'latin1'));
  return plain(decodeWords(written).slice(0, MAX_HEADER_LINE));
}
