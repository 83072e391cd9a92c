import { constants } from 'node:fs';
import { type Device, File, Memory, type Test } from '../index.ts';

/** What requests are answered from: something that is open, or memory of the server (user copy only). */
export interface Target {
  /** Bytes that a device over it has. */
  readonly size: number;
  readonly fd?: number;
  readonly memory?: Memory;
}

/** Memory of the server. */
export function memoryTarget(t: Pick<Test, 'use'>, size: number): Target & { memory: Memory } {
  return { size, memory: t.use(new Memory(size)) };
}

/**
 * A file, made with this length where there is none. `direct`: with O_DIRECT (ext4); else through the page cache (tmpfs knows no
 * other way in all kernels).
 */
export function fileTarget(
  t: Pick<Test, 'use'>,
  path: string,
  size: number,
  { direct = false } = {},
): Target & { fd: number; file: File } {
  const flags = constants.O_RDWR | constants.O_CREAT | (direct ? constants.O_DIRECT : 0);
  const file = t.use(new File(path, flags));
  file.truncate(size);
  return { size, fd: file.fd, file };
}

/** A drive, by its block device, with O_DIRECT: its first `size` bytes. What they held is lost. */
export function deviceTarget(
  t: Pick<Test, 'use'>,
  device: Device,
  size = device.blocks * device.blockSize,
): Target & { fd: number; file: File } {
  const file = t.use(new File(device.block, constants.O_RDWR | constants.O_DIRECT));
  return { size, fd: file.fd, file };
}
