import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot } from '../core/cache.ts';
import { hashOf } from '../core/hash.ts';
import { discard } from '../core/seal.ts';
import type { StageContext } from '../model/event.ts';
import { aptState } from './aptstate.ts';

/** A package in the version that the host's apt would download now. */
const PackageVersion = z.object({
  name: z.string(),
  /** `name_version_arch.deb`. */
  file: z.string(),
  /** `SHA256:...` from the signed index. */
  hash: z.string(),
});
export type PackageVersion = z.infer<typeof PackageVersion>;

/** A line of `apt-get install --print-uris`: URI, file name, size, hash. */
const URI_LINE = /^'[^']*' (\S+) \d+ (\S+)$/;

/** The packages in the output of `apt-get install --print-uris` or `apt-get download --print-uris`, sorted by name. */
export function packagesIn(output: string): PackageVersion[] {
  const packages = output.split('\n').flatMap((line) => {
    const [, file, hash] = URI_LINE.exec(line) ?? [];
    return file && hash ? [{ name: file.split('_')[0] ?? '', file, hash }] : [];
  });
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A list in the cache: the packages, and their hash. */
const StoredList = z.object({ packages: z.array(PackageVersion), sum: z.string() });
const sumOf = (packages: readonly PackageVersion[]) => hashOf(JSON.stringify(packages));

/** The stored list; undefined when there is none, `damage` in words when it is not as it was written. */
async function readList(
  file: string,
): Promise<{ packages: PackageVersion[] } | { damage: string } | undefined> {
  const info = await lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (info === undefined) return undefined;
  // Not opened: a FIFO would wait for a writer.
  if (!info.isFile()) return { damage: 'it is no regular file' };
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES') throw error;
  });
  if (text === undefined) return { damage: 'it cannot be read' };
  try {
    const { packages, sum } = StoredList.parse(JSON.parse(text));
    return sum === sumOf(packages) ? { packages } : { damage: 'its content is not as it was written' };
  } catch {
    return { damage: 'it is no list of packages' };
  }
}

/**
 * The list that `query` gives, from the cache while `aptState` and `parts` are the same: where apt's own cache is switched off, as in
 * containers, each query costs more than a second of CPU. A damaged list is noted and asked for again. Throws what `query` throws.
 */
export async function cachedList(
  parts: readonly string[],
  query: () => Promise<PackageVersion[]>,
  ctx: StageContext,
): Promise<PackageVersion[]> {
  const key = hashOf('list-3', await aptState(ctx), ...parts).slice(0, 32);
  const name = `packages-${key}.json`;
  const file = join(cacheRoot(), 'images', name);
  const stored = await readList(file);
  if (stored && 'packages' in stored) return stored.packages;
  if (stored) {
    const note = { code: 'cache.damaged' as const, subject: `images/${name}`, damage: stored.damage };
    ctx.emit({ type: 'note', note });
    await discard(file);
  }
  const packages = await query();
  await writeJson(file, { packages, sum: sumOf(packages) });
  return packages;
}
