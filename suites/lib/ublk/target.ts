import { constants } from 'node:fs';
import { type Device, File, Memory, SkipError, type Test } from '../base.ts';

/** Where a server keeps the data of its device: an open file, or memory of the server (user copy only). */
export interface Target {
  /** Size of the device, bytes. */
  readonly size: number;
  /** Blocks of the target, bytes, if it takes only whole ones: the default of the device's logical block size. */
  readonly blockSize?: number;
  readonly fd?: number;
  readonly memory?: Memory;
}

/** `size` bytes of the server's memory, released when the test ends. */
export function memoryTarget(t: Pick<Test, 'use'>, size: number): Target & { memory: Memory } {
  return { size, memory: t.use(new Memory(size)) };
}

/**
 * A file of `size` bytes, created if it does not exist. `direct` opens it with O_DIRECT, for file systems such as ext4; tmpfs
 * refuses O_DIRECT before Linux 6.6, so the default is the page cache. Throws SyscallError.
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

/**
 * The first `size` bytes of a drive, opened with O_DIRECT; their contents are overwritten. Throws SkipError when the drive is smaller,
 * SyscallError.
 */
export function deviceTarget(
  t: Pick<Test, 'use'>,
  device: Device,
  size = device.blocks * device.blockSize,
): Target & { fd: number; file: File; blockSize: number } {
  if (size > device.blocks * device.blockSize)
    throw new SkipError(
      `the drive ${device.name} has ${device.blocks * device.blockSize} bytes, the test needs ${size}`,
    );
  const file = t.use(new File(device.block, constants.O_RDWR | constants.O_DIRECT));
  return { size, blockSize: device.blockSize, fd: file.fd, file };
}
