import { constants, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Device, File, Memory, type Test } from '../lib/index.ts';

function readPage(t: Test, device: Device): void {
  using file = new File(device.block, constants.O_RDONLY | constants.O_DIRECT);
  using memory = new Memory(4096);
  t.equal(file.read(memory.bytes, 0), memory.length);
}

const queueOf = (block: string) => `/sys/block/${basename(block)}/queue`;

/** Bytes of the largest request that a device takes: what is larger is split, if need be by a worker. */
export const largestOf = (block: string) =>
  Number(readFileSync(`${queueOf(block)}/max_sectors_kb`, 'utf8')) << 10;

/** The kernel's own scheduler would, with one CPU, move the dispatch of reads to a worker and hide its cost. */
export function unscheduled(block: string): void {
  writeFileSync(`${queueOf(block)}/scheduler`, 'none');
}

/**
 * Takes from the drive's queue what boots differ in, and reads a page. To be done before each round.
 *
 * - The scheduler.
 * - The search for a free tag begins at a random place (lib/sbitmap.c), and costs a little more in the last word. A queue of 4 for the time of
 *   one request brings it to the first.
 * - The search for bounce buffers goes on where the one before ended, and costs by how far that is into a segment of 128
 *   (swiotlb_search_pool_area): with a page between the rounds each begins at another offset, and those of all boots at the same ones.
 */
export function settle(t: Test, device: Device): void {
  unscheduled(device.block);
  const queue = queueOf(device.block);
  const size = readFileSync(`${queue}/nr_requests`, 'utf8');
  writeFileSync(`${queue}/nr_requests`, '4');
  readPage(t, device);
  writeFileSync(`${queue}/nr_requests`, size);
}
