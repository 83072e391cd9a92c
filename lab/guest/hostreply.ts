import type { Duplex } from 'node:stream';
import type { HostReply } from '../model/protocol.ts';

/**
 * Most bytes that the text of a reply takes as it is sent: 4 MiB of a console fit, unless it is of control characters, which JSON
 * writes with six bytes each.
 */
const TEXT_LIMIT = 8 << 20;

/** Most bytes that JSON in UTF-8 takes for a UTF-16 unit (ECMA-262, QuoteJSONString). */
function costOf(unit: number): number {
  // Tab, line feed, carriage return, quotation mark, backslash.
  if (unit === 0x09 || unit === 0x0a || unit === 0x0d || unit === 0x22 || unit === 0x5c) return 2;
  if (unit < 0x20) return 6;
  if (unit < 0x80) return 1;
  if (unit < 0x800) return 2;
  const isSurrogate = unit >= 0xd800 && unit <= 0xdfff;
  return isSurrogate ? 6 : 3;
}

/** The end of a text that takes at most `limit` bytes. Counted before it is encoded: 24 MiB of escapes hold up the lab for 0.5 s. */
function endWithin(text: string, limit: number): string {
  let start = text.length;
  for (let left = limit; start > 0; start--) {
    left -= costOf(text.charCodeAt(start - 1));
    if (left < 0) break;
  }
  return text.slice(start);
}

/** A reply as it is sent. Of a text that would take more than the limit the end is kept. */
export function encodeReply({ text, ...rest }: HostReply): Buffer {
  const reply = text === undefined ? rest : { ...rest, text: endWithin(text, TEXT_LIMIT) };
  return Buffer.from(`${JSON.stringify(reply)}\n`);
}

/** Writes to a stream and waits until it has taken that, or is closed. */
export function write(stream: Duplex, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', resolve);
    stream.write(bytes, () => {
      stream.off('close', resolve);
      resolve();
    });
  });
}

/** Gives one holder after another its turn, in the order of asking. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves, when all earlier turns have ended, to a function that ends this one. */
  async take(): Promise<() => void> {
    const earlier = this.#last;
    let end = () => {};
    this.#last = new Promise((resolve) => {
      end = resolve;
    });
    await earlier;
    return end;
  }
}
