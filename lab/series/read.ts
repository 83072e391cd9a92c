import { constants } from 'node:buffer';
import { constants as fs } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { InputError } from '../core/errors.ts';
import { SIZE_LIMIT } from './limits.ts';
import type { RawText, SourceFiles } from './stages.ts';

const MiB = (bytes: number) => `${(bytes / (1 << 20)).toFixed(0)} MiB`;

/** The error for a file or range that is larger than `limit` bytes. */
export function tooBig(where: string, size: string, limit = SIZE_LIMIT): InputError {
  const fix = 'use the mbox of a single thread, or split it';
  return new InputError({ what: `it has ${size}`, where, expected: `at most ${MiB(limit)}`, fix });
}

async function unpack(bytes: Buffer, where: string): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: Math.min(SIZE_LIMIT, constants.MAX_LENGTH) });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooBig(where, `more than ${MiB(SIZE_LIMIT)} when unpacked`);
    throw new InputError({ what: `its gzip data is damaged: ${message}`, where, fix: 'fetch it again' });
  }
}

/**
 * The content of a regular file. The opened file is examined: the path may name a pipe by then. Throws InputError for anything else
 * and for a file of more than `limit` bytes.
 */
export async function readRegular(path: string, limit = SIZE_LIMIT): Promise<Buffer> {
  const what = 'it is neither a file nor a folder';
  if (!(await stat(path)).isFile()) throw new InputError({ what, where: path });
  await using file = await open(path, fs.O_RDONLY | fs.O_NONBLOCK);
  const info = await file.stat();
  if (!info.isFile()) throw new InputError({ what, where: path });
  if (info.size > limit) throw tooBig(path, MiB(info.size), limit);
  const buffer = Buffer.alloc(info.size);
  const { bytesRead } = await file.read(buffer, 0, info.size, 0);
  return buffer.subarray(0, bytesRead);
}

async function readSource(path: string): Promise<Buffer> {
  const raw = await readRegular(path);
  const bytes = raw[0] === 0x1f && raw[1] === 0x8b ? await unpack(raw, path) : raw;
  if (bytes.toString('latin1', 0, 4096).trim() === '' && bytes.toString('latin1').trim() === '') {
    throw new InputError({
      what: 'it is empty',
      where: path,
      expected: 'a patch, an mbox or a saved thread page',
    });
  }
  const zero = bytes.indexOf(0);
  if (zero >= 0) {
    const what = `it is binary (a zero byte at offset ${zero})`;
    throw new InputError({ what, where: path, expected: 'a patch, an mbox or a saved thread page' });
  }
  return bytes;
}

/**
 * The files in memory, those with gzip data unpacked. Throws InputError for a path that is no file, and a file that is too large,
 * empty, binary or damaged, and when all together are too large.
 */
export async function readFiles(files: SourceFiles['files']): Promise<RawText[]> {
  const texts: RawText[] = [];
  let size = 0;
  for (const { path, where } of files) {
    const bytes = await readSource(path);
    size += bytes.length;
    if (size > SIZE_LIMIT) throw tooBig(where, `with the files before it more than ${MiB(SIZE_LIMIT)}`);
    texts.push({ bytes, where });
  }
  return texts;
}
