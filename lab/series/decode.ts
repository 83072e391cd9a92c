import { isUtf8 } from 'node:buffer';
import { InputError } from '../core/errors.ts';
import type { RawText } from './stages.ts';

/** The bytes as text, without a byte order mark. Throws InputError with the first lines that are not UTF-8. */
export function decodeText({ bytes, where }: RawText): string {
  if (isUtf8(bytes)) return bytes.toString('utf8').replace(/^\ufeff/, '');
  const badLines: number[] = [];
  let line = 1;
  for (let at = 0; at < bytes.length && badLines.length < 5; line++) {
    const end = bytes.indexOf(10, at);
    const next = end < 0 ? bytes.length : end + 1;
    if (!isUtf8(bytes.subarray(at, next))) badLines.push(line);
    at = next;
  }
  throw new InputError(
    badLines.map((number) => ({
      what: 'not UTF-8',
      where: `${where}:${number}`,
      fix: 'fetch the mbox of the thread',
    })),
  );
}
