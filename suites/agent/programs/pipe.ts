import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A pipe for the output of a program. */
export interface OutputPipe {
  /** The end that the program gets; `close` it here once the program has it. */
  fd: number;
  close(): void;
  /** Ends when no process has the other end any more. */
  stream: Socket;
}

function open(name: string): OutputPipe {
  // The end for reading first: the other one waits for it.
  const reading = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = openSync(name, constants.O_WRONLY);
  const stream = new Socket({ fd: reading, readable: true, writable: false });
  return { fd, stream, close: () => closeSync(fd) };
}

/**
 * Opens pipes for the output of a program. Node gives its children sockets, on which some tests act otherwise: liburing's bind-listen
 * takes its standard output for no socket. Throws Error when there can be none.
 */
export function outputPipes(): { stdout: OutputPipe; stderr: OutputPipe } {
  const folder = mkdtempSync(join(tmpdir(), 'ringlab-output-'));
  const [out, err] = [join(folder, 'stdout'), join(folder, 'stderr')];
  try {
    const { status, error, stderr } = spawnSync('mkfifo', [out, err], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`mkfifo: ${error?.message ?? stderr.trim()}`);
    return { stdout: open(out), stderr: open(err) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
