import { readFileSync, writeFileSync } from 'node:fs';
import type { Device, Memory, Test } from '../lib/index.ts';
import { type Fixture, PAGE } from './fixture.ts';

/** The path of a limit of the device's request queue. */
export const queueFile = ({ name }: Device, limit: string) => `/sys/block/${name}/queue/${limit}`;

/** Limits the requests that the device's queue has until the test's end. The block layer allows 4 or more (BLKDEV_MIN_RQ). */
export function setPool(t: Test, device: Device, size: number): void {
  const file = queueFile(device, 'nr_requests');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, String(size));
  t.defer(() => writeFileSync(file, before));
}

/**
 * Submits reads of the medium's first `count` even pages into consecutive pages of buffer 0, and waits for none. The block layer
 * would merge reads of adjacent pages. Asserts that all of them use the mapping.
 */
export function submitReads(fixture: Fixture, count: number): Promise<void> {
  for (let page = 0; page < count; page++)
    fixture.queue({
      kind: 'read',
      length: PAGE,
      offset: page * PAGE,
      position: 2 * page * PAGE,
      userData: page,
    });
  return fixture.onMapping(count, `${count} submitted reads`, () => void fixture.ring.submit());
}

/** Asserts that these reads of `submitReads` have filled their pages. */
export function assertPages(t: Test, memory: Memory, medium: Uint8Array, pages: Iterable<number>): void {
  for (const page of pages)
    t.bytes(
      memory.bytes.subarray(page * PAGE, (page + 1) * PAGE),
      medium.subarray(2 * page * PAGE, (2 * page + 1) * PAGE),
      `page ${page} of the buffer`,
    );
}
