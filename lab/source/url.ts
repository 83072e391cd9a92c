import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorText, InputError, LabError } from '../core/errors.ts';
import { ensureSealed } from '../core/seal.ts';
import { asReported } from '../core/storage.ts';
import type { StageContext } from '../model/event.ts';
import { withoutPassword } from './apt-error.ts';
import { downloadsDir } from './packages.ts';

/** A source that is a tarball at an address. `name` is that of the source. */
export interface RemoteTarball {
  name: string;
  url: string;
  sha256: string;
}

/** Bytes between two progress events. */
const PROGRESS_STEP = 5_000_000;
const FILE = 'source.tar';

const folderOf = ({ sha256 }: RemoteTarball) => join(downloadsDir(), `tarball-${sha256.slice(0, 16)}`);

/** The answer of the server. Throws LabError when it cannot be reached or does not have the file. */
async function request({ name, url }: RemoteTarball, signal: AbortSignal) {
  const fix = `connect this machine to it, or download the tarball elsewhere: ringlab source add NAME --tarball FILE`;
  const failed = (reason: string) =>
    new LabError(`kernel ${name}: cannot download ${withoutPassword(url)}: ${reason}\n  fix: ${fix}`);
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const { cause } = error as Error;
    throw failed(errorText(cause ?? error));
  }
  const { ok, status, statusText, body } = response;
  if (!ok || !body) throw failed(`the server answers ${status} ${statusText}`.trim());
  return { body, total: Number(response.headers.get('content-length') ?? 0) };
}

/** Downloads to `path`. Throws LabError when the transfer breaks off, InputError when the content has another hash. */
async function download(tarball: RemoteTarball, path: string, ctx: StageContext): Promise<void> {
  const { name, url, sha256 } = tarball;
  const { body, total } = await request(tarball, ctx.signal);
  const hash = createHash('sha256');
  let done = 0;
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      const before = done;
      done += chunk.length;
      if (Math.floor(done / PROGRESS_STEP) > Math.floor(before / PROGRESS_STEP))
        ctx.emit({
          type: 'source.progress',
          source: name,
          action: 'download',
          done,
          ...(total ? { total } : {}),
        });
      next(null, chunk);
    },
  });
  try {
    await pipeline(Readable.fromWeb(body as never), watch, createWriteStream(path), { signal: ctx.signal });
  } catch (error) {
    ctx.signal.throwIfAborted();
    const reported = asReported(error);
    if (reported instanceof LabError) throw reported;
    throw new LabError(
      `kernel ${name}: the download of ${withoutPassword(url)} broke off after ${done} bytes: ${errorText(error)}`,
    );
  }
  const actual = hash.digest('hex');
  if (actual === sha256) return;
  throw new InputError({
    what: `the content at ${withoutPassword(url)} has the SHA-256 ${actual}`,
    where: `kernel ${name}`,
    expected: sha256,
    fix: 'compare both with what its publisher says, and add the source again with the right one',
  });
}

/**
 * The tarball at an address, from the cache or downloaded and checked against its hash. What breaks off is downloaded again by the next
 * call. Throws as `download`.
 */
export async function downloadedTarball(tarball: RemoteTarball, ctx: StageContext): Promise<string> {
  const { name, url } = tarball;
  const make = async (dir: string) => {
    ctx.emit({ type: 'source.start', source: name, action: 'download', from: withoutPassword(url) });
    await download(tarball, join(dir, FILE), ctx);
    ctx.emit({ type: 'source.end', source: name });
  };
  const { dir } = await ensureSealed(folderOf(tarball), make, {
    signal: ctx.signal,
    onWait: () => ctx.emit({ type: 'lock.wait', for: 'source', subject: name }),
    onDamage: (damage) => {
      const subject = `downloads/${name}`;
      ctx.emit({ type: 'note', note: { code: 'cache.damaged', subject, damage } });
    },
  });
  return join(dir, FILE);
}

/** Folder of what was downloaded from an address. */
export const tarballFolder = folderOf;
