import { constants, isUtf8 } from 'node:buffer';
import { open, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { InputError } from '../core/errors.ts';

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

/** Content of a file, unpacked when it is gzip. Throws InputError when it is no file, too large, empty, binary or damaged. */
export async function readSource(path: string): Promise<Buffer> {
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

/** The bytes as text, without a byte order mark. Throws InputError with the first lines that are not UTF-8. */
export function decodeText(bytes: Buffer, where: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8').replace(/^\ufeff/, '');
  const badLines: number[] = [];
  let line = 1;
  for (let at = 0; at < bytes.length && badLines.length < 5; line++) {
    const end = bytes.indexOf(10, at);
    const next = end < 0 ? bytes.length : end + 1;
    if (!isUtf8(bytes.subarray(at, next))) badLines.push(line);
    at = next;
  }
  throw new InputError(
    badLines.map((number) => ({
      what: 'not UTF-8',
      where: `${where}:${number}`,
      fix: 'fetch the mbox of the thread',
    })),
  );
}
