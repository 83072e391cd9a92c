import { lstat, mkdir, readdir, rename, rm, rmdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders of the root that are links to those of the same name in /usr (file-hierarchy(7); Debian since 12). */
export const MERGED = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'] as const;

/** The path of a file after the merge, for one before it: `bin/sh` -> `usr/bin/sh`. Both are relative to the root. */
export function mergedPath(path: string): string {
  const [first = ''] = path.split('/');
  return (MERGED as readonly string[]).includes(first) ? join('usr', path) : path;
}

const kindOf = (path: string) => lstat(path).catch(() => undefined);

/** Moves what is in `from` into `to`, over what is there, except that a link does not replace anything: it is for paths before the merge. */
async function moveInto(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    const existing = await kindOf(target);
    if (entry.isDirectory() && existing?.isDirectory()) await moveInto(source, target);
    else if (entry.isSymbolicLink() && existing) await rm(source);
    else {
      if (existing) await rm(target, { recursive: true });
      await rename(source, target);
    }
  }
  await rmdir(from);
}

/**
 * Makes /bin, /sbin and /lib* of a root links into /usr, as on Debian, so that a script finds its interpreter by either path. Packages
 * are unpacked before: many still ship files in /bin, and unpacking replaces a link by a folder. Throws the error of the file system.
 */
export async function mergeUsr(root: string): Promise<void> {
  for (const name of MERGED) {
    const path = join(root, name);
    const existing = await kindOf(path);
    if (existing?.isDirectory()) await moveInto(path, join(root, 'usr', name));
    else if (existing || !['bin', 'sbin', 'lib'].includes(name)) continue;
    await mkdir(join(root, 'usr', name), { recursive: true });
    await symlink(join('usr', name), path);
  }
}
