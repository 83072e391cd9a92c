import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import type { Test } from './test.ts';

/** Pipes of this process so far: names are unique. */
let pipeCount = 0;

/** Both ends of a named pipe; closed at the test's end at the latest. */
export interface Pipe {
  /** Descriptor for requests that read. */
  readonly reader: number;
  /** Descriptor for requests that write. */
  readonly writer: number;
  /** Writes one byte, which completes a waiting read. */
  feed(): void;
  /** Removes and returns up to 64 KiB of its content; empty if there is none, also when no writer is left. */
  drain(): Uint8Array;
  /** Closes this process's write end. Does nothing more when repeated. */
  closeWriter(): void;
  /** Whether no writer is left, requests in the kernel included. Reads a byte if there is one. */
  released(): boolean;
}

/**
 * Makes a pipe. `writer` blocks. `reader` does not unless `blocking` is set: with it io_uring's reads wait in an io-wq worker, without it
 * by polling. Throws Error when the pipe cannot be made.
 */
export function pipe(t: Test, { blocking = false } = {}): Pipe {
  const path = `/tmp/ringlab-pipe-${process.pid}-${pipeCount++}`;
  execFileSync('mkfifo', [path]);
  t.defer(() => unlinkSync(path));
  const nonBlocking = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  t.defer(() => closeSync(nonBlocking));
  const writer = openSync(path, constants.O_WRONLY);
  const reader = blocking ? openSync(path, constants.O_RDONLY) : nonBlocking;
  if (blocking) t.defer(() => closeSync(reader));
  let open = true;
  const closeWriter = () => {
    if (open) closeSync(writer);
    open = false;
  };
  t.defer(closeWriter);
  /** Bytes read: 0 at the end of the file, undefined when the pipe is empty. */
  const take = (bytes: Uint8Array) => {
    try {
      return readSync(nonBlocking, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
      throw error;
    }
  };
  const drain = () => {
    const bytes = new Uint8Array(65536);
    return bytes.subarray(0, take(bytes) ?? 0);
  };
  const feed = () => void writeSync(writer, new Uint8Array(1));
  return { reader, writer, feed, drain, closeWriter, released: () => take(new Uint8Array(1)) === 0 };
}
