import { InputError } from '../core/errors.ts';
import { SIZE_LIMIT } from './limits.ts';
import { MiB, readRegular, tooBig } from './regular-file.ts';
import type { RawText, SourceFiles } from './stages.ts';
import { unpack } from './unpack.ts';

/** Checks that bytes are a text. Throws InputError when they are none. */
export function checkText(bytes: Buffer, where: string): Buffer {
  const expected = 'a patch, an mbox or a saved thread page';
  if (bytes.toString('latin1', 0, 4096).trim() === '' && bytes.toString('latin1').trim() === '')
    throw new InputError({ what: 'it is empty', where, expected });
  const zero = bytes.indexOf(0);
  if (zero >= 0)
    throw new InputError({ what: `it is binary (a zero byte at offset ${zero})`, where, expected });
  return bytes;
}

/**
 * The files in memory, packed ones unpacked. Throws InputError for a path that is no file, and a file that is too large, empty, binary or
 * damaged, and when all together are too large.
 */
export async function readFiles(files: SourceFiles['files'], signal: AbortSignal): Promise<RawText[]> {
  const texts: RawText[] = [];
  let size = 0;
  for (const { path, where, bytes: given } of files) {
    const bytes = checkText(await unpack(given ?? (await readRegular(path)), where, signal), where);
    size += bytes.length;
    if (size > SIZE_LIMIT) throw tooBig(where, `with the files before it more than ${MiB(SIZE_LIMIT)}`);
    texts.push({ bytes, where });
  }
  return texts;
}
