import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hashFile, hashOf } from '../core/hash.ts';
import { listFiles } from './collect.ts';

/** SHA-256 of files by their paths in a folder. */
export const Sums = z.record(z.string(), z.string());
export type Sums = z.infer<typeof Sums>;

/** Files that are hashed at the same time. */
const PARALLEL = 16;

async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

/** The sums of every file of a folder. Throws RefusedFile for anything but regular files. */
export async function sumsOf(dir: string): Promise<Sums> {
  const paths = await listFiles(dir);
  const sums = new Map<string, string>();
  await each(paths, async (path) => void sums.set(path, await hashFile(join(dir, path))));
  return Object.fromEntries(paths.map((path) => [path, sums.get(path) ?? '']));
}

/** Folders that were checked by this process, with what stat(2) said of their files then. */
const checked = new Map<string, string>();

/** Changes with every write to one of the files; undefined when one is missing or no regular file. */
async function fingerprint(dir: string, paths: readonly string[]): Promise<string | undefined> {
  const facts = new Map<string, string>();
  await each(paths, async (path) => {
    const info = await lstat(join(dir, path), { bigint: true }).catch(() => undefined);
    if (info?.isFile()) facts.set(path, `${info.ino} ${info.size} ${info.mtimeNs} ${info.ctimeNs}`);
  });
  if (facts.size < paths.length) return undefined;
  return hashOf(...paths.map((path) => facts.get(path) ?? ''));
}

/**
 * The first file of a folder that is missing or has another content than its sum says, as a reason; undefined when there is none.
 * A folder that has not changed since this process checked it is not read again.
 */
export async function firstDamage(dir: string, sums: Sums): Promise<string | undefined> {
  const paths = Object.keys(sums).sort();
  const seal = await fingerprint(dir, paths);
  const known = hashOf(seal ?? '', JSON.stringify(sums));
  if (seal !== undefined && checked.get(dir) === known) return undefined;
  const wrong = new Map<string, string>();
  await each(paths, async (path) => {
    const sum = await hashFile(join(dir, path)).catch(() => undefined);
    if (sum !== sums[path]) wrong.set(path, sum === undefined ? 'is missing' : 'has another content');
  });
  const first = paths.find((path) => wrong.has(path));
  if (first !== undefined) return `${first} ${wrong.get(first)}`;
  if (seal === undefined) return 'a file of it is no regular file';
  checked.set(dir, known);
  return undefined;
}
