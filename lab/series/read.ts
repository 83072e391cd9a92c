import { constants } from 'node:buffer';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { InputError } from '../core/errors.ts';
import { SIZE_LIMIT } from './limits.ts';
import { MiB, readRegular, tooBig } from './regular-file.ts';
import type { RawText, SourceFiles } from './stages.ts';

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
