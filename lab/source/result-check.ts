import { BINARY_LIMIT, binaryBytes } from '../model/binary-patch.ts';
import type { Patch, Series } from '../model/series.ts';
import { entryFlaw, isRead } from './entry-flaws.ts';
import { refused } from './failure.ts';
import type { GitOptions } from './git.ts';
import { changesBetween, sizesOf, type TreeChange } from './tree-changes.ts';

const MiB = (bytes: number) => `${Math.ceil(bytes / (1 << 20))} MiB`;

/** Most files that one patch changes: treewide changes of licence lines touched some 15,000. */
const MAX_CHANGES = 50_000;
/** Most bytes by which a series lets the tree grow; an mbox has at most 48 MiB. */
const MAX_GROWTH = 128 << 20;
/** Most bytes of all versions of files that a series makes. The largest file of Linux 6.12 has 24 MB. */
const MAX_WRITTEN = 1 << 30;
/** Most links of one patch; most links and attributes of a series, which one git after the other reads; most flaws that are reported. */
const MAX_LINKS = 200;
const MAX_READ = 1000;
const MAX_FLAWS = 20;

/** What a series has done to the tree so far. */
export interface Growth {
  /** Bytes that the tree has more than its base. */
  grown: number;
  /** Bytes of all new versions of files. */
  written: number;
  /** Links and attributes that were read. */
  read: number;
}

/** Throws VerdictError when binary data of the series becomes more than `BINARY_LIMIT`: before git unpacks it. */
export function checkBinary(series: Series): void {
  let sum = 0;
  for (const patch of series.patches) {
    sum += binaryBytes(patch.diff);
    if (sum <= BINARY_LIMIT) continue;
    const size = Number.isFinite(sum) ? `become more than ${MiB(BINARY_LIMIT)}` : 'cannot be read';
    throw refused(patch, series, [`binary changes that ${size}`], `at most ${MiB(BINARY_LIMIT)} in a series`);
  }
}

function growthFlaws(
  changes: readonly TreeChange[],
  sizes: ReadonlyMap<string, number>,
  sum: Growth,
): string[] {
  const sizeOf = (entry: TreeChange['to']) => (entry && sizes.get(entry.object)) ?? 0;
  for (const { from, to } of changes) {
    sum.grown += sizeOf(to) - sizeOf(from);
    if (to && to.object !== from?.object) sum.written += sizeOf(to);
  }
  return [
    ...(sum.grown > MAX_GROWTH ? [`it makes the tree ${MiB(sum.grown)} larger`] : []),
    ...(sum.written > MAX_WRITTEN ? [`it writes ${MiB(sum.written)}`] : []),
  ];
}

/**
 * Checks what a patch has made of a tree, whatever its text says: names, modes, links, attributes and sizes of new and changed entries;
 * `sum` goes from patch to patch. Throws VerdictError `apply-failed` with every flaw.
 */
export async function checkResult(
  patch: Patch,
  series: Series,
  trees: { from: string; to: string },
  sum: Growth,
  git: GitOptions,
): Promise<void> {
  const changes = await changesBetween(trees.from, trees.to, git);
  if (!changes || changes.length > MAX_CHANGES)
    throw refused(patch, series, ['too many changed files'], `at most ${MAX_CHANGES} in a patch`);
  const objects = changes.flatMap(({ from, to }) => [
    ...(from ? [from.object] : []),
    ...(to ? [to.object] : []),
  ]);
  const sizes = await sizesOf(objects, git);
  const large = growthFlaws(changes, sizes, sum);
  if (large.length > 0)
    throw refused(
      patch,
      series,
      large,
      `at most ${MiB(MAX_GROWTH)} more than the base, ${MiB(MAX_WRITTEN)} in all`,
    );
  const links = changes.filter(({ to }) => to?.mode === '120000').length;
  if (links > MAX_LINKS)
    throw refused(patch, series, [`${links} symbolic links`], `at most ${MAX_LINKS} in a patch`);
  sum.read += changes.filter(isRead).length;
  if (sum.read > MAX_READ)
    throw refused(
      patch,
      series,
      [`${sum.read} symbolic links and .gitattributes`],
      `at most ${MAX_READ} in a series`,
    );
  const flaws: string[] = [];
  for (const change of changes) {
    const flaw = await entryFlaw(change, { tree: trees.to, sizes, git });
    if (flaw) flaws.push(flaw);
    if (flaws.length === MAX_FLAWS) break;
  }
  const expected = 'regular files with ordinary names, and links to regular files of the same tree';
  if (flaws.length > 0) throw refused(patch, series, flaws, expected);
}
