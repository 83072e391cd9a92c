import { readFile, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { dirname } from 'node:path';
import type { Finding } from './finding.ts';

const GiB = 2 ** 30;

const gib = (bytes: number): string => `${(bytes / GiB).toFixed(1)} GiB`;

/** Free bytes of the file system that holds `folder`, which need not exist yet. */
async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(folder) === folder) throw error;
    return freeBytes(dirname(folder));
  }
}

/** Disk space for sources, object directories and images in the cache. */
export async function examineDisk(cacheDir: string, needBytes: number): Promise<Finding> {
  const free = await freeBytes(cacheDir);
  const finding = {
    need: 'disk space',
    found: `${gib(free)} free for ${cacheDir}`,
    level: 'required',
  } as const;
  if (free >= needBytes) return { ...finding, ok: true };
  const fix = `free some space (about ${gib(needBytes)} are needed; kernels, work and images in the cache can be deleted and are made again), or set RINGLAB_CACHE to a folder on another disk`;
  return { ...finding, ok: false, fix };
}

/** Memory for one guest beside a kernel build. */
export function examineMemory(needBytes: number): Finding {
  const finding = { need: 'memory', found: gib(totalmem()), level: 'required' } as const;
  if (totalmem() >= needBytes) return { ...finding, ok: true };
  return { ...finding, ok: false, fix: `use a machine with at least ${gib(needBytes)}` };
}

/** The version of Node.js that runs this, against `engines` of package.json. */
export function examineNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const finding = { need: 'Node.js', found: version, level: 'required' } as const;
  if (major > 20 || (major === 20 && minor >= 17)) return { ...finding, ok: true };
  return { ...finding, ok: false, fix: 'install Node.js 20.17 or later' };
}

/** Meaning of the values of `kernel.io_uring_disabled` (Documentation/admin-guide/sysctl/kernel.rst). */
const IO_URING: Record<string, string> = {
  '0': 'allowed',
  '1': 'allowed for privileged processes and the group of kernel.io_uring_group',
  '2': 'disabled',
};

/** io_uring on the host: only unit tests of the native binding use it, so it is never required. */
export async function examineIoUring(sysctlFile = '/proc/sys/kernel/io_uring_disabled'): Promise<Finding> {
  const need = 'io_uring on the host';
  const level = 'optional';
  const value = await readFile(sysctlFile, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
  // The sysctl exists since Linux 6.6.
  if (value === undefined) return { need, ok: true, found: 'no kernel.io_uring_disabled here', level };
  const found = `kernel.io_uring_disabled = ${value}: ${IO_URING[value] ?? 'unknown'}`;
  if (value === '0' || (value === '1' && process.getuid?.() === 0)) return { need, ok: true, found, level };
  const fix =
    'sysctl kernel.io_uring_disabled=0 (without it the unit tests of the native binding are skipped)';
  return { need, ok: false, found, level, fix };
}
