/** Bytes kept of one line by default. */
const MAX_LINE_BYTES = 64 << 10;

/**
 * Splits a byte stream into lines of text, however the bytes are chunked. `\r` is removed unless it is to be kept, invalid UTF-8
 * becomes U+FFFD, and bytes of a line beyond `maxBytes` are replaced by a note of their number.
 */
export class LineSplitter {
  readonly #onLine: (line: string, whole: boolean) => void;
  readonly #maxBytes: number;
  readonly #keepReturns: boolean;
  #parts: Buffer[] = [];
  #kept = 0;
  #dropped = 0;

  /** `whole` is false for a last line without a newline. */
  constructor(
    onLine: (line: string, whole: boolean) => void,
    maxBytes = MAX_LINE_BYTES,
    { keepReturns = false } = {},
  ) {
    this.#onLine = onLine;
    this.#maxBytes = maxBytes;
    this.#keepReturns = keepReturns;
  }

  /** Takes the next bytes; calls `onLine` for each line that they complete. */
  write(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
      this.#keep(bytes.subarray(from, at));
      this.#flush(true);
      from = at + 1;
    }
    // Copied: a slice would keep the caller's whole chunk alive, and the caller may reuse it.
    if (from < bytes.length) this.#keep(Buffer.from(bytes.subarray(from)));
  }

  /** Passes on a last line without a newline, as not whole: its rest may be missing. */
  end(): void {
    if (this.#kept + this.#dropped > 0) this.#flush(false);
  }

  #keep(part: Buffer): void {
    const room = Math.min(part.length, this.#maxBytes - this.#kept);
    if (room > 0) this.#parts.push(part.subarray(0, room));
    this.#kept += room;
    this.#dropped += part.length - room;
  }

  #flush(whole: boolean): void {
    const [first] = this.#parts;
    const bytes = this.#parts.length === 1 && first ? first : Buffer.concat(this.#parts);
    const note = this.#dropped > 0 ? ` [${this.#dropped} more bytes of this line were cut]` : '';
    this.#parts = [];
    this.#kept = 0;
    this.#dropped = 0;
    const text = bytes.toString('utf8');
    this.#onLine((this.#keepReturns ? text : text.replaceAll('\r', '')) + note, whole);
  }
}
