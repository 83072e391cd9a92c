import { type GitOptions, git } from './git.ts';

/** An entry of a tree that differs from that of another tree. */
export interface TreeChange {
  path: string;
  /** Octal mode and object before and after; absent where the tree does not have it. */
  from?: { mode: string; object: string };
  to?: { mode: string; object: string };
}

const ABSENT = '000000';

/** Changes between two trees, each file by itself: no renames. Undefined when git's answer cannot be read. */
export async function changesBetween(
  from: string,
  to: string,
  options: GitOptions,
): Promise<TreeChange[] | undefined> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', from, to];
  const { stdout } = await git(args, options);
  const fields = stdout.split('\0');
  const changes: TreeChange[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, oldMode, mode, oldObject, object] =
      /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*$/.exec(fields[at] ?? '') ?? [];
    if (!oldMode || !mode || !oldObject || !object) return undefined;
    changes.push({
      path: fields[at + 1] ?? '',
      ...(oldMode === ABSENT ? {} : { from: { mode: oldMode, object: oldObject } }),
      ...(mode === ABSENT ? {} : { to: { mode, object } }),
    });
  }
  return changes;
}

/** Sizes of objects in bytes; those that the repository does not have (a commit of a submodule) are left out. */
export async function sizesOf(
  objects: readonly string[],
  options: GitOptions,
): Promise<ReadonlyMap<string, number>> {
  const input = [...new Set(objects)].map((object) => `${object}\n`).join('');
  const args = ['cat-file', '--batch-check=%(objectname) %(objectsize)'];
  const { stdout } = await git(args, { ...options, input });
  const sizes = stdout.split('\n').flatMap((line): [string, number][] => {
    const [, object, size] = /^([0-9a-f]+) (\d+)$/.exec(line) ?? [];
    return object ? [[object, Number(size)]] : [];
  });
  return new Map(sizes);
}
