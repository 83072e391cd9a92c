import { constants, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Device, File, Memory, type Test } from '../lib/index.ts';

function readPage(t: Test, device: Device): void {
  using file = new File(device.block, constants.O_RDONLY | constants.O_DIRECT);
  using memory = new Memory(4096);
  t.equal(file.read(memory.bytes, 0), memory.length, 'bytes of the page read before the round');
}

const queueFolder = (block: string) => `/sys/block/${basename(block)}/queue`;

/** Bytes of the largest request of a block device. Larger I/O is split, possibly by an io-wq worker. */
export const maxRequestBytes = (block: string) =>
  Number(readFileSync(`${queueFolder(block)}/max_sectors_kb`, 'utf8')) << 10;

/** Sets the I/O scheduler `none`: with one CPU the default scheduler dispatches reads from a worker, which hides their cost. */
export function disableScheduler(block: string): void {
  writeFileSync(`${queueFolder(block)}/scheduler`, 'none');
}

/**
 * Brings the drive's queue into the same state for every round of every boot, and reads a page:
 *
 * - The I/O scheduler is `none`.
 * - The search for a free tag begins at a random hint (lib/sbitmap.c) and costs more in the last word of the bitmap. One request with
 *   a queue depth of 4 moves the hint to the first word.
 * - The search for bounce buffers continues where the previous one ended, and its cost depends on the offset in a segment of 128 slots
 *   (swiotlb_search_pool_area). With one page in between, each round begins at another offset, the same one in all boots.
 *
 * Throws AssertionError when the read is short.
 */
export function resetQueue(t: Test, device: Device): void {
  disableScheduler(device.block);
  const folder = queueFolder(device.block);
  const depth = readFileSync(`${folder}/nr_requests`, 'utf8');
  writeFileSync(`${folder}/nr_requests`, '4');
  readPage(t, device);
  writeFileSync(`${folder}/nr_requests`, depth);
}
