import type { Memory, Test } from '../lib/index.ts';
import { type Bench, PAGE } from './setup.ts';

/** Reads of every second page of the medium (neighbours would be merged), all submitted, none waited for: how many use the mapping. */
export function submitReads(bench: Bench, count: number): Promise<number> {
  for (let page = 0; page < count; page++)
    bench.queue({
      kind: 'read',
      length: PAGE,
      offset: page * PAGE,
      position: 2 * page * PAGE,
      userData: page,
    });
  return bench.used(async () => void bench.ring.submit());
}

/** Has each of these reads brought its page? */
export function eachPage(t: Test, memory: Memory, medium: Uint8Array, pages: Iterable<number>): void {
  for (const page of pages)
    t.bytes(
      memory.bytes.subarray(page * PAGE, (page + 1) * PAGE),
      medium.subarray(2 * page * PAGE, (2 * page + 1) * PAGE),
      `page ${page}`,
    );
}
