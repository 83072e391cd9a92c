import { posix } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import type { ExecOptions, Guest } from '../model/machine.ts';

/** How a command in the guest ended. */
export type ExecResult = Awaited<ReturnType<Guest['exec']>>;

/**
 * Passes a command's input and output until its channel closes. Must be called from SSH's own callback: output, exit status and
 * end of a short command may arrive in one packet, before the continuation of a promise would run.
 */
export function pipeChannel(
  channel: Duplex & { stderr: Readable },
  options: ExecOptions,
  done: (result: ExecResult) => void,
): void {
  let result: ExecResult = { code: null };
  // Also without a listener: a channel that is not read never closes.
  channel.on('data', (chunk: Buffer) => options.onStdout?.(chunk));
  channel.stderr.on('data', (chunk: Buffer) => options.onStderr?.(chunk));
  channel.on('exit', (code: number | null, signal?: string) => {
    result = signal ? { code, signal } : { code };
  });
  const input = options.stdin;
  if (input === undefined || typeof input === 'string') {
    channel.once('close', () => done(result));
    channel.end(input);
    return;
  }
  // The command may end before its input does: an input without a reader must not keep this process alive.
  channel.once('close', () => {
    input.unpipe(channel);
    input.destroy();
    done(result);
  });
  channel.on('error', () => {});
  input.once('error', () => channel.end());
  input.pipe(channel);
}

/** `/a` and `/a/b` for `/a/b/c`. */
function ancestors(path: string): string[] {
  const parent = posix.dirname(path);
  return parent === '/' || parent === '.' ? [] : [...ancestors(parent), parent];
}

/** Every folder that files at `paths` need, parents first. */
export const foldersOf = (paths: readonly string[]): string[] => [...new Set(paths.flatMap(ancestors))];
