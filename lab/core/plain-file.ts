import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** In place of a regular file is something else: a link, a FIFO, a folder, or more than the file can have. */
export class NotPlainFile extends Error {}

/** O_NONBLOCK: opening a FIFO must not wait for a writer. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Bytes of the largest file of the lab that is read at once: the seal of a source with 100,000 objects has 12 MB. */
const MAX_BYTES = 64 << 20;

/** Opens a regular file of at most `maxBytes`; no link is followed. Throws NotPlainFile for anything else, else the error of the file system. */
export async function openPlainFile(path: string, maxBytes: number): Promise<FileHandle> {
  const file = await open(path, FLAGS).catch((error: NodeJS.ErrnoException) => {
    // A link; a socket.
    if (error.code === 'ELOOP' || error.code === 'ENXIO')
      throw new NotPlainFile(`no regular file at ${path}`);
    throw error;
  });
  const info = await file.stat();
  const reason = !info.isFile()
    ? `no regular file at ${path}`
    : info.size > maxBytes
      ? `too large a file (${info.size} bytes) at ${path}`
      : undefined;
  if (reason === undefined) return file;
  await file.close();
  throw new NotPlainFile(reason);
}

/**
 * Text of a file that the lab has written, e.g. of its cache; undefined when there is none. Throws NotPlainFile for anything but a
 * regular file of at most 64 MiB, else the error of the file system.
 */
export async function readPlainFile(path: string): Promise<string | undefined> {
  const file = await openPlainFile(path, MAX_BYTES).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  try {
    return await file?.readFile('utf8');
  } finally {
    await file?.close();
  }
}
