import { createHash } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { hashFile as hashLarge, hashOf } from '../core/hash.ts';
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

/** Bytes up to which a file is read at once: a stream for each of a thousand headers took 1 s. */
const SMALL = 256 << 10;

/** Hex SHA-256 of a regular file's content. Throws the error of the file system, or the abort reason. */
async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  if (lstatSync(path).size > SMALL) return hashLarge(path, signal);
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** The sums of every file of a folder. Throws RefusedFile for anything but regular files, and the abort reason. */
export async function sumsOf(dir: string, signal: AbortSignal): Promise<Sums> {
  const paths = await listFiles(dir);
  const sums = new Map<string, string>();
  await each(paths, async (path) => void sums.set(path, await hashFile(join(dir, path), signal)));
  return Object.fromEntries(paths.map((path) => [path, sums.get(path) ?? '']));
}

/** Folders that were checked by this process, with what stat(2) said of their files then. */
const checked = new Map<string, string>();

/** Changes with every write to one of the files; undefined when one is missing or no regular file. */
function fingerprint(dir: string, paths: readonly string[]): string | undefined {
  const facts = paths.map((path) => {
    const info = lstatSync(join(dir, path), { bigint: true, throwIfNoEntry: false });
    return info?.isFile() ? `${info.ino} ${info.size} ${info.mtimeNs} ${info.ctimeNs}` : undefined;
  });
  return facts.includes(undefined) ? undefined : hashOf(JSON.stringify(facts));
}

/**
 * The first file of a folder that is missing or has another content than its sum says, as a reason; undefined when there is none.
 * A folder that has not changed since this process checked it is not read again.
 */
export async function firstDamage(dir: string, sums: Sums): Promise<string | undefined> {
  const paths = Object.keys(sums).sort();
  const seal = fingerprint(dir, paths);
  const known = hashOf(seal ?? '', JSON.stringify(sums));
  if (seal !== undefined && checked.get(dir) === known) return undefined;
  // Nothing is read that is no regular file, such as a FIFO.
  const irregular = paths.find((path) => !lstatSync(join(dir, path), { throwIfNoEntry: false })?.isFile());
  if (irregular !== undefined) return `${irregular} is missing`;
  const wrong = new Map<string, string>();
  await each(paths, async (path) => {
    const sum = await hashFile(join(dir, path)).catch(() => undefined);
    if (sum !== sums[path]) wrong.set(path, sum === undefined ? 'is missing' : 'has another content');
  });
  const first = paths.find((path) => wrong.has(path));
  if (first !== undefined) return `${first} ${wrong.get(first)}`;
  checked.set(dir, known);
  return undefined;
}
