import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { LabError } from '../core/errors.ts';

/** Bytes of console in the file, unless the caller says: a runaway console must not fill the disk. Of what comes later only the end is kept. */
const FILE_LIMIT = 256 << 20;
const TAIL_BYTES = 16 << 10;
/** A longer line goes to the watchers in pieces. */
const LINE_LIMIT = 8 << 10;

/**
 * A guest's console: written to a file as it comes, and passed to watchers line by line, however the bytes were chunked.
 */
export class ConsoleLog {
  readonly file: string;
  readonly #fd: number;
  readonly #watchers = new Set<(line: string) => void>();
  /** Most bytes in the file, without the note of what was left out. */
  readonly limit: number;
  #written = 0;
  #dropped = 0;
  #tail = Buffer.alloc(0);
  #partial = '';
  /** Resolves when the guest has printed more than the file takes. */
  readonly full: Promise<void>;
  #onFull = () => {};
  #failure: Error | undefined;
  /** Resolves when QEMU has closed its end and everything is in the file. */
  readonly drained: Promise<void>;

  /** `start`: what the guest printed as the template that it was forked from. No watcher sees it. */
  constructor(
    stream: NodeJS.ReadableStream,
    file: string,
    limit = FILE_LIMIT,
    start: Buffer = Buffer.alloc(0),
  ) {
    this.file = file;
    this.limit = limit;
    this.#fd = openSync(file, 'w+');
    this.full = new Promise((resolve) => {
      this.#onFull = resolve;
    });
    this.#take(start);
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    this.drained = new Promise((resolve) => {
      stream.once('close', () => {
        this.#finish();
        resolve();
      });
    });
  }

  /** Bytes in the file so far. */
  get size(): number {
    return this.#written;
  }

  /** Calls `watcher` with each later line, without its end. Returns a function that stops it. */
  watch(watcher: (line: string) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Records why the file does not have all that the guest printed; the first reason counts. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  /**
   * Throws why the file is incomplete: the error of the file system (a full disk), or LabError when its reader has failed. What is
   * missing may be a complaint. Says nothing of bytes beyond `limit`, which the file itself notes.
   */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** The console from byte `from`, as UTF-8 with invalid bytes replaced. Throws as `check`. */
  text(from = 0): string {
    this.check();
    const bytes = Buffer.alloc(Math.max(0, this.#written - from));
    const fd = openSync(this.file, 'r');
    try {
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from)).toString('utf8');
    } finally {
      closeSync(fd);
    }
  }

  /** The last lines, as the evidence of a death. */
  tail(lines = 40): string {
    return this.#tail.toString('utf8').trimEnd().split(/\r?\n/).slice(-lines).join('\n');
  }

  #take(chunk: Buffer): void {
    const fitting = chunk.subarray(0, Math.max(0, this.limit - this.#written));
    this.#write(fitting);
    this.#dropped += chunk.length - fitting.length;
    if (this.#dropped > 0) this.#onFull();
    this.#tail = Buffer.from(Buffer.concat([this.#tail, chunk]).subarray(-TAIL_BYTES));
    const pieces = (this.#partial + chunk.toString('latin1')).split('\n');
    this.#partial = pieces.pop() ?? '';
    for (const line of pieces) this.#notify(line.replace(/\r$/, ''));
    if (this.#partial.length > LINE_LIMIT) {
      this.#notify(this.#partial);
      this.#partial = '';
    }
  }

  /** Writes to the file until that fails. The console is read on: QEMU must find room, and watchers wait for lines. */
  #write(bytes: Uint8Array): void {
    if (this.#failure) return;
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
      this.#written += bytes.length;
    } catch (error) {
      this.fail(Object.assign(error as Error, { path: this.file }));
    }
  }

  #notify(line: string): void {
    for (const watcher of [...this.#watchers]) watcher(line);
  }

  #finish(): void {
    if (this.#partial) this.#notify(this.#partial);
    if (this.#dropped > 0) {
      const note = `\n[ringlab: ${this.#dropped} bytes of console left out here; its end follows]\n`;
      this.#write(Buffer.concat([Buffer.from(note), this.#tail]));
    }
    try {
      closeSync(this.#fd);
    } catch (error) {
      // Some file systems report a full disk only here, close(2).
      this.fail(Object.assign(error as Error, { path: this.file }));
    }
  }
}

/** Resolves when the console prints a line that matches; rejects at one that matches `failure`, with that line. Need not be awaited. */
export function lineOn(
  console: Pick<ConsoleLog, 'watch'>,
  expected: RegExp,
  failure?: RegExp,
): Promise<void> {
  const found = new Promise<void>((resolve, reject) => {
    const stop = console.watch((line) => {
      const isExpected = expected.test(line);
      if (!isExpected && !failure?.test(line)) return;
      stop();
      if (isExpected) resolve();
      else reject(new LabError(line));
    });
  });
  found.catch(() => {});
  return found;
}
