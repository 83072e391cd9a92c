import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { before } from '../../binding/index.ts';
import type { Queue } from './queue.ts';

/** How long a device may go without a request after its start, ms: a kernel without partition tables reads none. */
const NO_SCAN_MS = 1000;

/**
 * Resolves when the kernel has read the partition table of a device that has just been started. In Linux 6.12 this is part of
 * UBLK_U_CMD_START_DEV. In 7.2 and 7.3 the command only schedules it (ublk_partition_scan_work), and an open(2) meanwhile waits in
 * bdev_open for the disk's `open_mutex`, which the worker holds until the server has answered its reads: on the event loop of the server it
 * would wait forever. The first request shows that the worker has the mutex; an open(2) on another thread then waits for its end.
 */
export async function partitionsRead(path: string, queues: readonly Queue[]): Promise<void> {
  await before(performance.now() + NO_SCAN_MS, Promise.race(queues.map(({ fetched }) => fetched)));
  const device = await open(path, constants.O_RDONLY);
  await device.close();
}
