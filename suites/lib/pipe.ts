import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import type { Test } from './test.ts';

let made = 0;

/** A named pipe that is open twice; ends are closed at the test's end at the latest. */
export interface Pipe {
  readonly reader: number;
  readonly writer: number;
  /** Lets a read of one byte go on. */
  feed(): void;
  /** What is in it now, which it then has no more. Empty also if there is nobody left who could write. */
  drain(): Uint8Array;
  closeWriter(): void;
  /** No writer is left, the kernel's included. */
  released(): boolean;
}

/**
 * `writer` blocks, `reader` does not unless it is to: then requests that read through it wait in a worker, and not by polling.
 */
export function pipe(t: Test, { blocking = false } = {}): Pipe {
  const path = `/tmp/ringlab-pipe-${process.pid}-${made++}`;
  execFileSync('mkfifo', [path]);
  t.defer(() => unlinkSync(path));
  const first = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  t.defer(() => closeSync(first));
  const writer = openSync(path, constants.O_WRONLY);
  const reader = blocking ? openSync(path, constants.O_RDONLY) : first;
  if (blocking) t.defer(() => closeSync(reader));
  let open = true;
  const closeWriter = () => {
    if (open) closeSync(writer);
    open = false;
  };
  t.defer(closeWriter);
  const take = (bytes: Uint8Array) => {
    try {
      return readSync(first, bytes);
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
