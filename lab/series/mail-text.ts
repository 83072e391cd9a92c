import { decodeDiff, decodeProse } from './charset.ts';
import { findDiff } from './diff-start.ts';
import { unflow } from './flowed.ts';
import type { Part } from './mime.ts';
import type { Mail } from './stages.ts';

/** The text of a mail, and what became of its parts. */
export type MailText = Pick<Mail, 'text' | 'garbled' | 'converted' | 'left'>;

/** Parts that no patch is in: signatures, and the form of a text for browsers. */
const IGNORED = /^(?:application\/(?:pgp-signature|(?:x-)?pkcs7-signature)|text\/(?:x-)?vcard|multipart\/)/;

/** Removes the CRs of mail transport. A diff of a CRLF file keeps them: its header lines end in a plain LF. */
export function unixLines(text: string): string {
  return /^(?:diff --git|---|@@) [^\r\n]*\r$/m.test(text) ? text.replace(/\r\n/g, '\n') : text;
}

/** Whether a part is text that a patch may be in: declared as text, the whole message, or with a diff in it. */
function isPatchText(part: Part, latin1: string): boolean {
  if (part.type === 'text/html') return false;
  if (part.whole || part.type.startsWith('text/')) return true;
  if (latin1.includes('\0')) return false;
  return /\.(?:patch|diff)$/i.test(part.fileName ?? '') || findDiff(latin1.split('\n')) !== undefined;
}

/** Index of the character where the diff of a text starts; its length when it has none. */
function diffOffset(text: string): number {
  const lines = text.split('\n');
  const start = findDiff(lines);
  if (start === undefined) return text.length;
  return lines.slice(0, start).reduce((sum, line) => sum + line.length + 1, 0);
}

/**
 * The text of the parts of a mail one after the other, as git mailinfo takes them: the message in its character set, the bytes of the
 * diff unchanged where they are UTF-8.
 */
export function textOf(parts: readonly Part[]): MailText {
  const texts: string[] = [];
  const left: NonNullable<Mail['left']> = [];
  const result: MailText = { text: '' };
  let inDiff = false;
  for (const part of parts) {
    const latin1 = part.bytes.toString('latin1');
    if (!isPatchText(part, latin1)) {
      const { type, fileName } = part;
      const isExpected = IGNORED.test(type) || (type === 'text/html' && part.alternative);
      if (!isExpected) left.push({ type, ...(fileName ? { name: fileName } : {}) });
      continue;
    }
    const unflowed = part.flowed ? unflow(latin1, part.delSp) : latin1;
    const bytes = part.flowed ? Buffer.from(unflowed, 'latin1') : part.bytes;
    const start: number = inDiff ? 0 : diffOffset(unflowed);
    const diff = decodeDiff(bytes.subarray(start), part.charset);
    inDiff ||= start < bytes.length;
    if (diff.kind === 'garbled') result.garbled = true;
    if (diff.kind === 'converted') result.converted = part.charset;
    const text = decodeProse(bytes.subarray(0, start), part.charset) + diff.text;
    texts.push(text.endsWith('\n') || part.whole ? text : `${text}\n`);
  }
  return { ...result, text: unixLines(texts.join('')), ...(left.length > 0 ? { left } : {}) };
}
