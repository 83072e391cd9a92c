import { readFileSync } from 'node:fs';
import type { Device } from './device.ts';
import type { UapiTable } from './uapi.ts';

/** `[start, end)` of the buffer table, for the file in slot `fd`. */
export interface Range {
  fd?: number;
  start?: number;
  end: number;
  flags?: number;
  rsvd?: bigint;
}

/** What IORING_REGISTER_MAP_BUFFERS and UNMAP_BUFFERS take (kernels/series/dma-premap). */
export function mapRange(uapi: UapiTable, range: Range): Uint8Array {
  const view = new DataView(new ArrayBuffer(uapi.size('io_uring_map_buffers')));
  const { fd = 0, start = 0, end, flags = 0, rsvd = 0n } = range;
  uapi.write(view, 'io_uring_map_buffers', { fd, buf_start: start, buf_end: end, flags });
  view.setBigUint64(uapi.field('io_uring_map_buffers', 'rsvd').offset, rsvd, true);
  return new Uint8Array(view.buffer);
}

/** What the driver tells of its mappings, summed over the device's controllers. */
export interface Held {
  /** Bytes mapped, and the part of them that takes bounce buffers. */
  bytes: number;
  bounced: number;
  /** Commands that used a mapping since the controller came. */
  used: number;
}

export function held(device: Device): Held {
  const sum = { bytes: 0, bounced: 0, used: 0 };
  for (const { name } of device.controllers) {
    const text = readFileSync(`/sys/class/nvme/${name}/premap`, 'utf8');
    for (const key of ['bytes', 'bounced', 'used'] as const)
      sum[key] += Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1]);
  }
  return sum;
}
