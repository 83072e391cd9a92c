/** Bytes of one line that are kept by default; the rest is counted and said. */
export const MAX_LINE_BYTES = 64 << 10;

/**
 * Cuts a byte stream into lines of text. Lines come out whole however the bytes were chunked; `\r` is dropped, invalid UTF-8
 * becomes U+FFFD, and what a line has beyond `maxBytes` is replaced by a note of how much that was.
 */
export class LineSplitter {
  readonly #onLine: (line: string, whole: boolean) => void;
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #kept = 0;
  #cut = 0;

  constructor(onLine: (line: string, whole: boolean) => void, maxBytes = MAX_LINE_BYTES) {
    this.#onLine = onLine;
    this.#maxBytes = maxBytes;
  }

  write(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
      this.#keep(bytes.subarray(from, at));
      this.#flush(true);
      from = at + 1;
    }
    // Copied: a slice would hold the caller's whole chunk, which it may also reuse.
    if (from < bytes.length) this.#keep(Buffer.from(bytes.subarray(from)));
  }

  /** Gives out the last line if it had no newline, as not whole: nobody knows whether it was to go on. */
  end(): void {
    if (this.#kept + this.#cut > 0) this.#flush(false);
  }

  #keep(part: Buffer): void {
    const room = Math.min(part.length, this.#maxBytes - this.#kept);
    if (room > 0) this.#parts.push(part.subarray(0, room));
    this.#kept += room;
    this.#cut += part.length - room;
  }

  #flush(whole: boolean): void {
    const [first] = this.#parts;
    const bytes = this.#parts.length === 1 && first ? first : Buffer.concat(this.#parts);
    const note = this.#cut > 0 ? ` [${this.#cut} more bytes of this line were cut]` : '';
    this.#parts = [];
    this.#kept = 0;
    this.#cut = 0;
    this.#onLine(bytes.toString('utf8').replaceAll('\r', '') + note, whole);
  }
}
