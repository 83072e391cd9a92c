import { existsSync, readFileSync } from 'node:fs';
import { until } from './presence.ts';

const slabKb = () => Number(/^SUnreclaim: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);

/**
 * Remembers how much slab memory the kernel has that it cannot reclaim. The returned function waits until there is less than `kb` kB more; it
 * throws Error on a timeout. On a debug kernel it returns at once: KASAN's quarantine delays frees, so slab sizes say nothing there, and the
 * lab reads kmemleak's report.
 */
export function slabMark(): (kb: number) => Promise<void> {
  const hasKmemleak = existsSync('/sys/kernel/debug/kmemleak');
  const before = slabKb();
  return (kb) =>
    until(`unreclaimable slabs are below ${before + kb} kB`, () => hasKmemleak || slabKb() < before + kb);
}
