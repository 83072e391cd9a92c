import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, unlinkSync } from 'node:fs';
import type { Test } from '../lib/index.ts';

/** A pipe that tells whether anybody still has its writing end open, the kernel included. */
export interface Tracer {
  readonly writer: number;
  closeWriter(): void;
  /** No writer is left. */
  released(): boolean;
}

/** Registered with a ring, `writer` shows when the kernel has freed that ring, which it does after all of its requests. */
export function tracer(t: Test): Tracer {
  const path = `/tmp/ringlab-fifo-${process.pid}`;
  execFileSync('mkfifo', [path]);
  t.defer(() => unlinkSync(path));
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  t.defer(() => closeSync(reader));
  const writer = openSync(path, constants.O_WRONLY);
  let open = true;
  const closeWriter = () => {
    if (open) closeSync(writer);
    open = false;
  };
  t.defer(closeWriter);
  const released = () => {
    try {
      return readSync(reader, new Uint8Array(1)) === 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      throw error;
    }
  };
  return { writer, closeWriter, released };
}
