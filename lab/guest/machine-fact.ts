import { cpus, release, version } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot } from '../core/cache.ts';
import { hashOf } from '../core/hash.ts';
import { lock } from '../core/lock.ts';
import { readPlainFile } from '../core/plain-file.ts';
import { run } from '../core/process.ts';
import type { Arch } from '../model/arch.ts';

async function read<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readPlainFile(file).catch(() => undefined);
  if (text === undefined) return undefined;
  // A damaged file is treated as absent: the fact is found again.
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * A fact about guests on this machine, found once and kept in the cache (`accel/`) while host kernel, CPU, QEMU and `more` stay the
 * same. Throws LabError without QEMU, and what `find` throws.
 */
export async function machineFact<T>(
  fact: { name: string; schema: z.ZodType<T>; more?: string; find: () => Promise<T> },
  arch: Arch,
  signal: AbortSignal,
): Promise<T> {
  const { name, schema, more = '', find } = fact;
  const { stdout: qemuVersion } = await run(arch.qemu.system, ['--version'], { signal });
  const folder = join(cacheRoot(), 'accel');
  const key = hashOf(release(), version(), cpus()[0]?.model ?? '', qemuVersion, more).slice(0, 16);
  const file = join(folder, `${name}-${key}.json`);
  await using _held = await lock(folder, signal);
  const stored = await read(file, schema);
  if (stored !== undefined) return stored;
  const found = await find();
  await writeJson(file, found);
  return found;
}
