import { posix } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import type { ExecOptions, Guest } from '../model/machine.ts';

export type ExecResult = Awaited<ReturnType<Guest['exec']>>;

/**
 * Serves a command's channel to its end. To be called from SSH's own callback: a short command's output, exit status and end
 * may come in one packet, before a promise would have been taken up.
 */
export function attend(
  channel: Duplex & { stderr: Readable },
  options: ExecOptions,
  done: (result: ExecResult) => void,
): void {
  let result: ExecResult = { code: null };
  // Also without a reader: a channel that is not read never closes.
  channel.on('data', (chunk: Buffer) => options.onStdout?.(chunk));
  channel.stderr.on('data', (chunk: Buffer) => options.onStderr?.(chunk));
  channel.on('exit', (code: number | null, signal?: string) => {
    result = signal ? { code, signal } : { code };
  });
  channel.once('close', () => done(result));
  channel.end(options.stdin);
}

/** `/a`, `/a/b` of `/a/b/c`. */
function ancestors(path: string): string[] {
  const parent = posix.dirname(path);
  return parent === '/' || parent === '.' ? [] : [...ancestors(parent), parent];
}

/** Every folder that files at `paths` need, parents first. */
export const foldersOf = (paths: readonly string[]) => [...new Set(paths.flatMap(ancestors))];
