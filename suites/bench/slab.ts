import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';

/** Takes objects of a cache; `add` says false when it can hold no more. */
interface Holder {
  add(): boolean;
}

/** Holds whatever it was filled with until it is disposed of. */
class Filling implements Holder, Disposable {
  readonly #held: number[] = [];

  /** An opened seq_file keeps the page it was first read through, which is one object of `kmalloc-4k` (fs/seq_file.c). */
  add(): boolean {
    const fd = openSync('/proc/self/mounts', 'r');
    this.#held.push(fd);
    readSync(fd, new Uint8Array(1));
    return true;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#held.splice(0)) closeSync(fd);
  }
}

/** More than the free objects of a cache that has just been shrunk. */
const MOST = 512;

/**
 * Takes every free object of a cache, so that the next ones come from new slabs: else it is what a boot has left in partly used
 * slabs that decides how many of a batch go the slow way.
 */
export function takeFree(name: string, holder: Holder): void {
  const cache = `/sys/kernel/slab/${name}`;
  // Kernels without SLUB's sysfs (SLUB_TINY) are measured as they are.
  if (!existsSync(cache)) return;
  const slabs = () => Number.parseInt(readFileSync(`${cache}/slabs`, 'utf8'), 10);
  writeFileSync(`${cache}/shrink`, '1');
  const before = slabs();
  for (let held = 0; held < MOST && slabs() === before; held++) if (!holder.add()) break;
}

/**
 * Takes every free object of `kmalloc-4k`, and returns what gives them back. The NVMe driver takes one of these for the
 * scatterlist of each request of several segments, and there are but 8 in a slab (115 to 240 instructions in 54,000 were decided by
 * the boot). The number of slabs is read by way of such an object too, so it is that look which starts a new one, and then leaves
 * it empty.
 */
export function fillSlabs(): Disposable {
  const filling = new Filling();
  takeFree('kmalloc-4k', filling);
  return filling;
}
