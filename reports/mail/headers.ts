import { oneLine } from '../escape.ts';

/** Columns of a mail that every reader shows without wrapping. */
export const WIDTH = 78;

/** Bytes of UTF-8 in one encoded word: base64 makes 52 characters of them, and RFC 2047 allows 75 with its frame. */
const WORD_BYTES = 39;

const isPlain = (text: string) => /^[\x20-\x7e]*$/.test(text) && !text.includes('=?');

/** Text as encoded words of RFC 2047, each of whole characters. */
function encodedWords(text: string): string {
  const words: string[] = [];
  let word = '';
  for (const char of text) {
    if (Buffer.byteLength(word + char) > WORD_BYTES) {
      words.push(word);
      word = '';
    }
    word += char;
  }
  return [...words, word].map((part) => `=?UTF-8?B?${Buffer.from(part).toString('base64')}?=`).join(' ');
}

/** Unstructured text (a subject) as the value of a header, in one line. */
export function textValue(text: string): string {
  const line = oneLine(text);
  return isPlain(line) ? line : encodedWords(line);
}

/** An address with its name; undefined where there is no usable address. */
export function addressValue(name: string, address: string): string | undefined {
  if (!/^[\x21-\x7e]+@[\x21-\x7e]+$/.test(address) || /[<>()[\],;:"\\]/.test(address)) return undefined;
  const display = oneLine(name, 200);
  if (display === '' || display === address) return address;
  if (!isPlain(display)) return `${encodedWords(display)} <${address}>`;
  const quoted = /^[\w !#$%&'*+/=?^`{|}~-]+$/.test(display);
  return `${quoted ? display : `"${display.replace(/["\\]/g, '\\$&')}"`} <${address}>`;
}

/** A header in lines of at most 78 characters where its words allow that (RFC 5322, 2.2.3). */
export function header(name: string, value: string): string[] {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of value.split(' ')) {
    const isFirst = line === `${name}:`;
    if (!isFirst && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
