import { isUtf8 } from 'node:buffer';

/** Characters of windows-1252 at 0x80 to 0x9f; TextDecoder of Node 20 gives control characters instead. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** Labels that say nothing about bytes beyond ASCII. */
const ASCII = /^(?:|us-ascii|ascii|ansi_x3\.4-1968|utf-?8|unknown(?:-8bit)?|x-unknown|binary|default)$/i;
const LATIN1 = /^(?:iso[-_]?8859-?1|latin-?1|windows-1252|cp1252)$/i;

const fromWindows1252 = (bytes: Buffer) =>
  bytes
    .toString('latin1')
    .replace(/[\u0080-\u009f]/g, (char) => WINDOWS_1252[char.charCodeAt(0) - 0x80] ?? char);

/** Bytes that have no label: UTF-8 where they are that, else windows-1252, line by line as git mailinfo guesses. */
export function decodeLoose(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    const next = end < 0 ? bytes.length : end + 1;
    const line = bytes.subarray(at, next);
    lines.push(isUtf8(line) ? line.toString('utf8') : fromWindows1252(line));
    at = next;
  }
  return lines.join('');
}

/** Bytes in a character set; undefined when it is unknown. */
function decodeAs(bytes: Buffer, charset: string): string | undefined {
  try {
    return new TextDecoder(charset.toLowerCase()).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Prose in its character set; one that is unknown is guessed. */
export function decodeProse(bytes: Buffer, charset: string): string {
  if (ASCII.test(charset)) return decodeLoose(bytes);
  if (LATIN1.test(charset)) return fromWindows1252(bytes);
  return decodeAs(bytes, charset) ?? decodeLoose(bytes);
}

/** A diff as text, and what became of its bytes. */
export interface DecodedDiff {
  text: string;
  /** `bytes`: kept as they are; `converted`: they are not UTF-8 but another character set; `garbled`: they are in no known one. */
  kind: 'bytes' | 'converted' | 'garbled';
}

/** A diff: its bytes are kept whatever the label says (git mailinfo decodes the message only), but must become UTF-8 where they are not. */
export function decodeDiff(bytes: Buffer, charset: string): DecodedDiff {
  if (isUtf8(bytes)) return { text: bytes.toString('utf8'), kind: 'bytes' };
  const text = bytes.toString('utf8');
  if (ASCII.test(charset)) return { text, kind: 'garbled' };
  if (LATIN1.test(charset)) return { text: fromWindows1252(bytes), kind: 'converted' };
  const decoded = decodeAs(bytes, charset);
  if (decoded === undefined || decoded.includes('\ufffd')) return { text: decoded ?? text, kind: 'garbled' };
  return { text: decoded, kind: 'converted' };
}
