import type { Stats } from 'node:fs';
import { InputError } from '../core/errors.ts';
import { commitOf, nameOfCommit } from './git-tree.ts';
import { locate, type SourceRef } from './names.ts';
import { gitFolderOf, statOf } from './snapshot.ts';

/** stat(2) of a path that must exist. Throws InputError when it does not. */
async function statExisting(path: string): Promise<Stats> {
  const info = await statOf(path);
  if (info) return info;
  throw new InputError({ what: 'there is nothing at this path', where: path, expected: 'a kernel tree' });
}

/** What lies at the path of a source: a git tree has a `gitDir`. */
interface PathKind {
  folder: boolean;
  gitDir?: string;
}

/** Throws InputError when nothing is at `path`, or when a revision is given for a path that is no git tree. */
export async function examinePath(
  path: string,
  revision: string | undefined,
  signal: AbortSignal,
): Promise<PathKind> {
  const folder = (await statExisting(path)).isDirectory();
  const gitDir = folder ? await gitFolderOf(path, signal) : undefined;
  if (gitDir !== undefined) return { folder, gitDir };
  if (revision === undefined) return { folder };
  throw new InputError({ what: `it is no git tree: it has no revision "${revision}"`, where: path });
}

/**
 * `SourceTree.name` of the tree that `resolveSource` would give, without unpacking or reading the source: `debian-6.12`, or
 * `linux-0123456789ab` for a git tree. Throws InputError as `checkSource`.
 */
export async function sourceName(ref: SourceRef, signal: AbortSignal): Promise<string> {
  const location = await locate(ref);
  if (!('path' in location)) return location.name;
  const { name, path, revision } = location;
  const { gitDir } = await examinePath(path, revision, signal);
  return gitDir === undefined ? name : nameOfCommit(name, await commitOf(path, revision, signal));
}

/**
 * Checks a reference without unpacking or writing anything. Throws InputError for a name that sources.yaml does not have (with those that
 * it has), a path at which there is nothing, or a revision that is not in the git tree. Whether the path holds a kernel, and
 * whether a source's Debian package is installed, is left to `resolveSource`.
 */
export async function checkSource(ref: SourceRef, signal: AbortSignal): Promise<void> {
  await sourceName(ref, signal);
}
