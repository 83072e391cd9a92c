import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Growth that is worth a look, KiB: an idle guest's own is below 1 MiB between tests. */
const SLAB_KIB = 4 << 10;
const PAGES_KIB = 8 << 10;
/** Slab caches that are named. */
const NAMED = 3;

/** Memory that the kernel has for itself, KiB. */
export interface MemoryState {
  /** Slab memory that it cannot give back. */
  slab: number;
  /** Pages that are in no list: those of drivers, of alloc_pages(). */
  pages: number;
  /** Of each slab cache, KiB; empty where /proc/slabinfo cannot be read. */
  caches: ReadonlyMap<string, number>;
}

function read(proc: string, name: string): string {
  try {
    return readFileSync(join(proc, name), 'utf8');
  } catch {
    return '';
  }
}

/** slabinfo(5): `name active_objs num_objs objsize ...`. */
function cachesIn(slabinfo: string): Map<string, number> {
  const rows = slabinfo.matchAll(/^(\S+)\s+(\d+)\s+\d+\s+(\d+)\s/gm);
  return new Map(
    [...rows].map(([, name = '', active, size]) => [name, (Number(active) * Number(size)) / 1024]),
  );
}

/** `MemTotal` is what all the others and the rest, pages in no list, add up to. */
const LISTED = [
  'MemFree',
  'Buffers',
  'Cached',
  'SwapCached',
  'AnonPages',
  'Slab',
  'KernelStack',
  'PageTables',
  'Percpu',
  'Hugetlb',
];

/** Free pages that each CPU keeps for itself (proc(5), zoneinfo: pagesets), which are not in MemFree and take up to some 10 MiB, KiB. */
function keptByCpus(proc: string): number {
  const counts = read(proc, 'zoneinfo').matchAll(/^ +count: +(\d+)$/gm);
  return [...counts].reduce((sum, [, pages]) => sum + Number(pages) * 4, 0);
}

/** Reads /proc/meminfo and, unless it is for a first look, what takes longer: /proc/zoneinfo and /proc/slabinfo. */
export function readMemory(proc: string, { isFirstLook = false } = {}): MemoryState {
  const meminfo = read(proc, 'meminfo');
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0);
  return {
    slab: kib('SUnreclaim'),
    pages:
      kib('MemTotal') -
      LISTED.reduce((sum, name) => sum + kib(name), 0) -
      (isFirstLook ? 0 : keptByCpus(proc)),
    caches: isFirstLook ? new Map() : cachesIn(read(proc, 'slabinfo')),
  };
}

const mib = (kibibytes: number) => `${(kibibytes / 1024).toFixed(1)} MiB`;

/** The caches that have grown most: `kmalloc-256 4.2 MiB`. */
function grownCaches(before: MemoryState, now: MemoryState): string {
  const grown = [...now.caches]
    .map(([name, size]) => ({ name, by: size - (before.caches.get(name) ?? 0) }))
    .filter(({ by }) => by >= 256)
    .sort((a, b) => b.by - a.by)
    .slice(0, NAMED);
  return grown.length > 0 ? ` (${grown.map(({ name, by }) => `${name} ${mib(by)}`).join(', ')})` : '';
}

/**
 * Compares the kernel's memory with an earlier state, and shrinks the caches before it believes that it has grown. Undefined when it has
 * not; else what has, in words, and the state to compare with from now on.
 */
export function memoryGrowth(
  before: MemoryState,
  proc: string,
  shrink: () => void,
): { found: string[]; now: MemoryState } | undefined {
  const hasGrown = (now: MemoryState) =>
    now.slab - before.slab > SLAB_KIB || now.pages - before.pages > PAGES_KIB;
  if (!hasGrown(readMemory(proc, { isFirstLook: true })) || !hasGrown(readMemory(proc))) return undefined;
  shrink();
  const now = readMemory(proc);
  const [slab, pages] = [now.slab - before.slab, now.pages - before.pages];
  return {
    now,
    found: [
      ...(slab > SLAB_KIB ? [`${mib(slab)} of slab memory${grownCaches(before, now)}`] : []),
      ...(pages > PAGES_KIB ? [`${mib(pages)} of pages`] : []),
    ],
  };
}
