import { type FileHandle, realpath, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { NotPlainFile, openPlainFile } from '../core/plain-file.ts';
import { removeTree } from '../core/remove.ts';

/*
 * Access to files that a build or a series has made. Both run code from the patches under test: a symbolic link could make the lab
 * read, copy or overwrite any file on this machine, a FIFO or device could stop it, an endless file could fill its memory.
 */

/** Bytes of the largest text that the lab reads from a tree or a build: a kernel's `.config` has 70 KB, its largest Kconfig 90 KB. */
export const MAX_TEXT_BYTES = 4 << 20;

/** Bytes of the largest build log: that of a full build of Linux 6.12 has 120 KB. More output ends the build. */
export const MAX_LOG_BYTES = 16 << 20;

/** A file of a tree or build is refused: it is no regular file, lies outside of its tree, or is too large. */
export class RefusedFile extends Error {}

/** Opens a regular file. Throws as `readRegularFile`. */
function openRegular(file: string, maxBytes: number): Promise<FileHandle> {
  return openPlainFile(file, maxBytes).catch((error: NodeJS.ErrnoException) => {
    if (error instanceof NotPlainFile) throw new RefusedFile(error.message);
    if (error.code === 'EACCES') throw new RefusedFile(`no readable file at ${file}`);
    throw error;
  });
}

/**
 * Content of a file of a build. Throws RefusedFile when it is a link, another special file or larger than `maxBytes`, and ENOENT when
 * it is missing.
 */
export async function readRegularFile(file: string, maxBytes = MAX_TEXT_BYTES): Promise<string> {
  const handle = await openRegular(file, maxBytes);
  try {
    // Bounded by the size that was checked: the file may be growing, and files of procfs have size 0.
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.min(size, maxBytes));
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.toString('utf8', 0, length);
  } finally {
    await handle.close();
  }
}

/**
 * Content of a file of a tree, by its path inside the tree; links are followed as long as they stay inside. Undefined when there is
 * no such file. Throws RefusedFile when it lies outside, is no regular file, or is larger than `maxBytes`.
 */
export async function readInside(tree: string, path: string, maxBytes = MAX_TEXT_BYTES) {
  const root = await realpath(tree);
  const file = await realpath(join(root, path)).catch(() => undefined);
  if (file === undefined) return undefined;
  if (!file.startsWith(root + sep)) throw new RefusedFile(`${path} is outside of the tree`);
  return readRegularFile(file, maxBytes);
}

/** Checks that a path is a regular file of at most `maxBytes`. Throws as `readRegularFile`. */
export async function checkRegularFile(file: string, maxBytes: number): Promise<void> {
  await (await openRegular(file, maxBytes)).close();
}

/** Writes a new file; a file, link or folder of that name, of any depth and modes, is removed, never followed. */
export async function replaceFile(file: string, text: string): Promise<void> {
  await removeTree(file);
  await writeFile(file, text, { flag: 'wx' });
}
