import { constants } from 'node:buffer';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { InputError } from '../core/errors.ts';
import { type Limits, limited } from '../core/limits.ts';
import { start } from '../core/process.ts';
import { findProgram } from '../core/program.ts';
import { SIZE_LIMIT } from './limits.ts';
import { MiB, tooBig } from './regular-file.ts';

/** What data is packed with that Node 20 cannot unpack: its first bytes, and the program that unpacks it. */
const PACKERS = [
  { name: 'xz', magic: Buffer.from('fd377a585a00', 'hex'), command: ['xz', '-dc'] },
  { name: 'bzip2', magic: Buffer.from('BZh'), command: ['bzip2', '-dc'] },
  { name: 'zstd', magic: Buffer.from('28b52ffd', 'hex'), command: ['zstd', '-dcq'] },
];
const GZIP = Buffer.from('1f8b', 'hex');

/** Most memory and time of a program that unpacks. */
const LIMITS: Limits = { dataBytes: 1 << 30, fileBytes: 0, cpuSeconds: 60 };

const tooLarge = (where: string) => tooBig(where, `more than ${MiB(SIZE_LIMIT)} when unpacked`);

async function gunzipped(bytes: Buffer, where: string): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: Math.min(SIZE_LIMIT, constants.MAX_LENGTH) });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(where);
    throw new InputError({ what: `its gzip data is damaged: ${message}`, where, fix: 'fetch it again' });
  }
}

/** What a program makes of bytes, which it reads from standard input. Throws InputError when it fails or prints more than `SIZE_LIMIT`. */
async function piped(
  packer: (typeof PACKERS)[number],
  bytes: Buffer,
  where: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const { name, command } = packer;
  if (findProgram(name) === undefined) {
    const what = `it is packed with ${name}, which this machine does not have`;
    throw new InputError({
      what,
      where,
      fix: `apt-get install ${name === 'xz' ? 'xz-utils' : name}, or unpack it`,
    });
  }
  const [program = '', ...args] = limited(command, LIMITS);
  await using child = start(program, args, { input: bytes, signal });
  const errors: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of child.stdout) {
    size += chunk.length;
    if (size > SIZE_LIMIT) throw tooLarge(where);
    chunks.push(Buffer.from(chunk));
  }
  const { code } = await child.ended;
  signal.throwIfAborted();
  if (code === 0) return Buffer.concat(chunks);
  const reason = Buffer.concat(errors).toString('utf8').trim().slice(0, 500);
  throw new InputError({ what: `its ${name} data is damaged: ${reason}`, where, fix: 'fetch it again' });
}

/** The bytes, unpacked when they are gzip, xz, bzip2 or zstd data. Throws InputError for damaged data and more than `SIZE_LIMIT` bytes. */
export async function unpack(bytes: Buffer, where: string, signal: AbortSignal): Promise<Buffer> {
  const starts = (magic: Buffer) => bytes.subarray(0, magic.length).equals(magic);
  if (starts(GZIP)) return gunzipped(bytes, where);
  const packer = PACKERS.find(({ magic }) => starts(magic));
  return packer ? piped(packer, bytes, where, signal) : bytes;
}
