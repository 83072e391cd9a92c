import { constants, inflateSync } from 'node:zlib';

/** Most bytes that the binary data of a series may become: firmware and images in a kernel tree have some hundred KiB. */
export const BINARY_LIMIT = 64 << 20;

/** Alphabet of git's base85 (base85.c). */
const BASE85 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';

/** Fewest bytes that a `literal` or `delta` counts for: a block of a file system. Bounds how many a series has, for each takes time. */
const LEAST = 4096;

/** Lines of a delta that are decoded for its header, a kilobyte, of which a compressor's tables are the least part, and their length. */
const HEADER_LINES = 20;
const LINE_LENGTH = 66;

/** Most bytes that are unpacked for a header: more than two bytes of packed data can become (1032 each), so that less is cut off. */
const HEADER_BYTES = 4096;

/** The bytes of one line of binary data: a letter for their number, then five characters for each four bytes. */
function decodeLine(line: string): Buffer {
  const code = line.charCodeAt(0);
  const length = code >= 97 ? code - 97 + 27 : code - 65 + 1;
  const bytes = Buffer.alloc(Math.ceil((line.length - 1) / 5) * 4);
  for (let at = 1, to = 0; at < line.length; at += 5, to += 4) {
    let value = 0;
    for (const char of line.slice(at, at + 5)) value = value * 85 + Math.max(0, BASE85.indexOf(char));
    bytes.writeUInt32BE(value >>> 0, to);
  }
  return bytes.subarray(0, length);
}

/** What the first `length` bytes of packed data become; undefined when that is more than `HEADER_BYTES`. Throws when they are damaged. */
function unpackStart(packed: Buffer, length: number): Buffer | undefined {
  const limits = { maxOutputLength: HEADER_BYTES, chunkSize: HEADER_BYTES + 64 };
  try {
    return inflateSync(packed.subarray(0, length), { finishFlush: constants.Z_SYNC_FLUSH, ...limits });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
}

/** The start of what packed data become, whatever they become as a whole: a kilobyte can become a mebibyte. Throws when damaged. */
function unpackHeader(packed: Buffer): Buffer {
  const all = unpackStart(packed, packed.length);
  if (all) return all;
  // The longest start that becomes at most HEADER_BYTES lies between these lengths.
  let fits = 2;
  let exceeds = packed.length;
  while (exceeds - fits > 1) {
    const middle = (fits + exceeds) >> 1;
    if (unpackStart(packed, middle)) fits = middle;
    else exceeds = middle;
  }
  return unpackStart(packed, fits) ?? Buffer.alloc(0);
}

/** The size that a delta announces for its result, which may be far larger than the delta; undefined when it is damaged. */
function resultSize(data: readonly string[]): number | undefined {
  let delta: Buffer;
  try {
    delta = unpackHeader(Buffer.concat(data.map((line) => decodeLine(line.slice(0, LINE_LENGTH)))));
  } catch {
    return undefined;
  }
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let factor = 1; at < delta.length; factor *= 128) {
      const byte = delta[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    return Number.NaN;
  };
  // The size of the old content comes first (gitformat-pack(5), deltified representation).
  number();
  const size = number();
  return Number.isNaN(size) ? undefined : size;
}

/**
 * Bytes that git makes of the binary data of a diff: what each `literal` and `delta` announces, which git holds it to, and what each
 * delta gives, at least 4 KiB for each. Infinite when a size or a delta cannot be read; beyond `BINARY_LIMIT` the rest is not counted.
 */
export function binaryBytes(diff: string): number {
  if (!/^GIT binary patch/m.test(diff)) return 0;
  const lines = diff.split('\n');
  let sum = 0;
  for (let at = 0; at < lines.length && sum <= BINARY_LIMIT; at++) {
    const [, kind, size = ''] = /^(literal|delta) (.*?)\r?$/.exec(lines[at] ?? '') ?? [];
    if (!kind) continue;
    // git's strtoul also takes signs and blanks, which git never writes.
    sum += /^\d{1,15}$/.test(size) ? Math.max(LEAST, Number(size)) : Number.POSITIVE_INFINITY;
    if (kind === 'literal') continue;
    const next = lines.slice(at + 1, at + 1 + HEADER_LINES);
    const end = next.indexOf('');
    sum += resultSize(end < 0 ? next : next.slice(0, end)) ?? Number.POSITIVE_INFINITY;
  }
  return sum;
}
