import { existsSync, readFileSync } from 'node:fs';
import type { Device } from './device.ts';
import type { UapiTable } from './uapi.ts';

/** Slots `[start, end)` of the buffer table, mapped for the registered file in slot `fd`. Fields default to 0. */
export interface Range {
  fd?: number;
  start?: number;
  end: number;
  flags?: number;
  rsvd?: bigint;
}

/**
 * struct io_uring_map_buffers, the argument of IORING_REGISTER_MAP_BUFFERS and IORING_REGISTER_UNMAP_BUFFERS
 * (kernels/series/dma-premap). Throws SkipError when the kernel does not have it.
 */
export function mapRange(uapi: UapiTable, range: Range): Uint8Array {
  const view = new DataView(new ArrayBuffer(uapi.size('io_uring_map_buffers')));
  const { fd = 0, start = 0, end, flags = 0, rsvd = 0n } = range;
  uapi.write(view, 'io_uring_map_buffers', { fd, buf_start: start, buf_end: end, flags });
  view.setBigUint64(uapi.field('io_uring_map_buffers', 'rsvd').offset, rsvd, true);
  return new Uint8Array(view.buffer);
}

/** The driver's counters of pre-mapped buffers, summed over the device's controllers. */
export interface Held {
  /** Bytes mapped now. */
  bytes: number;
  /** Those of the bytes that are mapped to bounce buffers. */
  bounced: number;
  /** Commands that have used a mapping since the controller was probed. */
  used: number;
}

/** Reads the counters from `/sys/class/nvme/nvmeX/premap` (kernels/series/dma-premap); undefined on a kernel with
 * another series, and while the device is gone. */
export function held(device: Device): Held | undefined {
  const sum = { bytes: 0, bounced: 0, used: 0 };
  const { controllers } = device;
  if (controllers.length === 0) return undefined;
  for (const { name } of controllers) {
    const file = `/sys/class/nvme/${name}/premap`;
    if (!existsSync(file)) return undefined;
    const text = readFileSync(file, 'utf8');
    for (const key of ['bytes', 'bounced', 'used'] as const)
      sum[key] += Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1]);
  }
  return sum;
}
