import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from '../../core/cache.ts';
import { InputError } from '../../core/errors.ts';
import { discard } from '../../core/seal.ts';

/** Disk space of all templates, MiB: that of an emulated guest with 512 MiB takes 110 to 170. */
const TEMPLATES_MIB = 2048;

/** MiB that all templates may take: `RINGLAB_TEMPLATES_MIB`, or 2 GiB. Throws InputError for what is no number. */
export function templatesLimit(): number {
  const { RINGLAB_TEMPLATES_MIB: given } = process.env;
  if (given === undefined || given === '') return TEMPLATES_MIB;
  if (/^\d+$/.test(given)) return Number(given);
  throw new InputError({
    ...{ what: `"${given}" is no size`, where: 'RINGLAB_TEMPLATES_MIB' },
    expected: 'MiB that all templates may take, a whole number',
  });
}

const folder = () => join(cacheRoot(), 'templates');

/** Where a template is kept. */
export const pathOf = (key: string) => join(folder(), key);

/** Space that the files of a folder take on the disk, bytes. */
async function spaceOf(dir: string): Promise<number> {
  const names = await readdir(dir).catch(() => []);
  const sizes = names.map((name) =>
    stat(join(dir, name)).then(
      ({ blocks }) => blocks * 512,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/**
 * Removes the templates that were not used for the longest time until the rest, without `kept`, takes at most `limit` bytes. A guest that
 * was forked of one keeps its memory: the file goes when it has ended.
 */
export async function evict(limit: number, kept: string): Promise<void> {
  const names = (await readdir(folder())).filter((name) => /^[0-9a-f]{32}$/.test(name));
  const all = await Promise.all(
    names.map(async (name) => {
      const path = join(folder(), name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
      return { name, path, used: mtimeMs, space: await spaceOf(path) };
    }),
  );
  let total = all.reduce((sum, { space }) => sum + space, 0);
  for (const { name, path, space } of all.sort((a, b) => a.used - b.used)) {
    if (total <= limit || name === kept) continue;
    // Another ringlab may be removing it too, and a template that stays is no reason to boot.
    await discard(path).catch(() => {});
    total -= space;
  }
}
