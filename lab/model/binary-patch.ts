import { constants, inflateSync } from 'node:zlib';

/** Most bytes that the binary data of a series may become: firmware and images in a kernel tree have some hundred KiB. */
export const BINARY_LIMIT = 64 << 20;

/** Alphabet of git's base85 (base85.c). */
const BASE85 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';

/** Lines of a delta that are decoded for its header: a kilobyte, of which a compressor's tables are the least part. */
const HEADER_LINES = 20;

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

/** The size that a delta announces for its result, which may be far larger than the delta; undefined when it is damaged. */
function resultSize(data: readonly string[]): number | undefined {
  let delta: Buffer;
  try {
    const packed = Buffer.concat(data.map(decodeLine));
    delta = inflateSync(packed, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 4 << 20 });
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
 * delta gives. Infinite when a size or a delta cannot be read; beyond `BINARY_LIMIT` the rest is not counted.
 */
export function binaryBytes(diff: string): number {
  if (!/^GIT binary patch/m.test(diff)) return 0;
  const lines = diff.split('\n');
  let sum = 0;
  for (let at = 0; at < lines.length && sum <= BINARY_LIMIT; at++) {
    const [, kind, size = ''] = /^(literal|delta) (.*?)\r?$/.exec(lines[at] ?? '') ?? [];
    if (!kind) continue;
    // git's strtoul also takes signs and blanks, which git never writes.
    sum += /^\d{1,15}$/.test(size) ? Number(size) : Number.POSITIVE_INFINITY;
    if (kind === 'literal') continue;
    const next = lines.slice(at + 1, at + 1 + HEADER_LINES);
    const end = next.indexOf('');
    sum += resultSize(end < 0 ? next : next.slice(0, end)) ?? Number.POSITIVE_INFINITY;
  }
  return sum;
}
