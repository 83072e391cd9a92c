import { createWriteStream, statSync, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { LabError } from '../core/errors.ts';

/**
 * Bounds on what is kept of the output of builds in one log, together: the log is read whole. That of a full build of Linux 6.12 has
 * 120 KB in 2200 lines.
 */
const MAX_KEPT_BYTES = 4 << 20;
const MAX_KEPT_LINES = 200_000;

/** The log of one run of make, appended to what earlier runs have left in the file. Lines beyond the bounds are dropped. */
export class BuildOutput implements AsyncDisposable {
  /** Lines that make has printed. */
  lines = 0;
  readonly #log: WriteStream;
  readonly #written: Promise<void>;
  #bytes: number;

  constructor(file: string) {
    this.#bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    this.#log = createWriteStream(file, { flags: 'a' });
    this.#written = finished(this.#log).catch((error) => {
      throw new LabError('cannot write the build log', { cause: error });
    });
    // Awaited at the end; until then a full disk must not raise an unhandled rejection.
    this.#written.catch(() => {});
  }

  /** Takes the next line; whether it is kept. */
  write(line: string): boolean {
    // In bytes: a byte that is no UTF-8 has become three.
    this.#bytes += Buffer.byteLength(line) + 1;
    if (++this.lines > MAX_KEPT_LINES || this.#bytes > MAX_KEPT_BYTES) return false;
    return this.#log.write(`${line}\n`) || true;
  }

  /** Ends the log. Throws LabError when it could not be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#log.end();
    await this.#written;
  }
}
