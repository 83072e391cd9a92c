import { constants } from 'node:buffer';
import { open, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { InputError } from '../core/errors.ts';
import type { RawText, SourceFiles } from './stages.ts';

/** Bytes of a file, packed or not: more than any thread has, less than a kernel tarball named by mistake. */
const SIZE_LIMIT = 48 << 20;

const MiB = (bytes: number) => `${(bytes / (1 << 20)).toFixed(0)} MiB`;

function tooBig(where: string, size: string): InputError {
  const fix = 'use the mbox of a single thread, or split it';
  return new InputError({ what: `it has ${size}`, where, expected: `at most ${MiB(SIZE_LIMIT)}`, fix });
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

async function readSource(path: string): Promise<Buffer> {
  const info = await stat(path);
  if (!info.isFile()) throw new InputError({ what: 'it is neither a file nor a folder', where: path });
  if (info.size > SIZE_LIMIT) throw tooBig(path, MiB(info.size));
  await using file = await open(path);
  const raw = await file.readFile();
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
 * empty, binary or damaged.
 */
export function readFiles(files: SourceFiles['files']): Promise<RawText[]> {
  return Promise.all(files.map(async ({ path, where }) => ({ bytes: await readSource(path), where })));
}
