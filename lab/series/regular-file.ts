import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { InputError } from '../core/errors.ts';
import { SIZE_LIMIT } from './limits.ts';

/** A size for messages. */
export const MiB = (bytes: number) => `${(bytes / (1 << 20)).toFixed(0)} MiB`;

/** The error for a file or range that is larger than `limit` bytes. */
export function tooBig(where: string, size: string, limit = SIZE_LIMIT): InputError {
  const fix = 'use the mbox of a single thread, or split it';
  return new InputError({ what: `it has ${size}`, where, expected: `at most ${MiB(limit)}`, fix });
}

/**
 * The content of a regular file. The opened file is examined: the path may name a pipe by then. Throws InputError for anything else
 * and for a file of more than `limit` bytes.
 */
export async function readRegular(path: string, limit = SIZE_LIMIT): Promise<Buffer> {
  const what = 'it is neither a file nor a folder';
  const entry = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ELOOP') throw error;
    throw new InputError({ what: 'there is no such file, or it is a link to none', where: path });
  });
  if (!entry.isFile()) throw new InputError({ what, where: path });
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const info = await file.stat();
  if (!info.isFile()) throw new InputError({ what, where: path });
  if (info.size > limit) throw tooBig(path, MiB(info.size), limit);
  const buffer = Buffer.alloc(info.size);
  const { bytesRead } = await file.read(buffer, 0, info.size, 0);
  return buffer.subarray(0, bytesRead);
}
