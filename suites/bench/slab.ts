import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';

/** Allocates objects of a slab cache. */
interface Allocator {
  /** Allocates one object; false when no more can be held. */
  add(): boolean;
}

/** Holds objects of `kmalloc-4k` until it is disposed of. */
class Kmalloc4kHolder implements Allocator, Disposable {
  readonly #fds: number[] = [];

  /** An open seq_file keeps the page-sized buffer of its first read, which is one object of `kmalloc-4k` (fs/seq_file.c). */
  add(): boolean {
    const fd = openSync('/proc/self/mounts', 'r');
    this.#fds.push(fd);
    readSync(fd, new Uint8Array(1));
    return true;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds.splice(0)) closeSync(fd);
  }
}

/** More than the free objects of a cache that has just been shrunk. */
const MAX_OBJECTS = 512;

/**
 * Allocates every free object of a cache, so that the next allocations come from new slabs. Otherwise the partial slabs that a boot
 * has left decide how many allocations of a batch take the slow path.
 */
export function exhaustFreeObjects(name: string, allocator: Allocator): void {
  const cache = `/sys/kernel/slab/${name}`;
  // Kernels without SLUB's sysfs (CONFIG_SLUB_TINY) are measured without this.
  if (!existsSync(cache)) return;
  const slabs = () => Number.parseInt(readFileSync(`${cache}/slabs`, 'utf8'), 10);
  writeFileSync(`${cache}/shrink`, '1');
  const slabsBefore = slabs();
  for (let count = 0; count < MAX_OBJECTS && slabs() === slabsBefore; count++) if (!allocator.add()) break;
}

/**
 * Allocates every free object of `kmalloc-4k` until the result is disposed of. The NVMe driver allocates the scatterlist of a request
 * with several segments there, and a slab has only 8 objects: the state after boot decided 115 to 240 of 54,000 instructions. Reading
 * the number of slabs allocates such an object as well; it is this read that starts the new slab, and it leaves the slab empty.
 */
export function exhaustKmalloc4k(): Disposable {
  const holder = new Kmalloc4kHolder();
  exhaustFreeObjects('kmalloc-4k', holder);
  return holder;
}
