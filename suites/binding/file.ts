import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { attached, integer } from './bounds.ts';
import { checked, SyscallError } from './error.ts';
import { type Bytes, native } from './native.ts';

/** Runs a call of node:fs; its errors become SyscallError. */
function withSyscallError<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { errno, syscall } = error as NodeJS.ErrnoException;
    throw errno === undefined ? error : new SyscallError(-errno, syscall ?? 'call');
  }
}

/** Refuses what node:fs would take for the current position of the file (-1), and released memory, which has no bytes. */
export function checkTransfer(call: string, bytes: Uint8Array, position: number): void {
  attached(call, bytes);
  integer(`${call}: position`, position, 0, Number.MAX_SAFE_INTEGER);
}

/** Bytes that an ioctl copies from or to its argument, as its number says (_IOC_SIZE of asm-generic/ioctl.h); 0 where it says none. */
function argumentSize(request: number): number {
  const [direction, size] = [(request >>> 30) & 3, (request >>> 16) & 0x3fff];
  return direction === 0 ? 0 : size;
}

/**
 * An open file. All methods throw SyscallError when their call fails, and RangeError for a position that is no integer of 0 or more, for
 * released memory and for an ioctl argument that is too small. Closing it again does nothing.
 */
export class File implements Disposable {
  readonly path: string;
  readonly fd: number;
  #open = true;

  /** open(2): `flags` are those of node:fs `constants`, O_DIRECT included. */
  constructor(path: string, flags: number, mode = 0o600) {
    this.path = path;
    this.fd = withSyscallError(() => openSync(path, flags, mode));
  }

  /** pread(2) at byte `position`; returns the number of bytes read. */
  read(bytes: Uint8Array, position: number): number {
    checkTransfer('read', bytes, position);
    return withSyscallError(() => readSync(this.fd, bytes, 0, bytes.length, position));
  }

  /** pwrite(2) at byte `position`; returns the number of bytes written. */
  write(bytes: Uint8Array, position: number): number {
    checkTransfer('write', bytes, position);
    return withSyscallError(() => writeSync(this.fd, bytes, 0, bytes.length, position));
  }

  /** ftruncate(2) to `length` bytes. */
  truncate(length: number): void {
    integer('length of the file', length, 0, Number.MAX_SAFE_INTEGER);
    withSyscallError(() => ftruncateSync(this.fd, length));
  }

  /** ioctl(2), which may block; returns its result, 0 or more. */
  ioctl(request: number, argument: Bytes = null): number {
    if (argument !== null && argument.byteLength < argumentSize(request))
      throw new RangeError(
        `ioctl 0x${request.toString(16)}: argument of ${argument.byteLength} bytes, expected ${argumentSize(request)}`,
      );
    return checked(native().ioctl(this.fd, request, argument), 'ioctl');
  }

  /** close(2). */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Tries open(2) as another user, in a forked child. Returns the error of the call, undefined when the user may open the file. */
export function openAs(uid: number, path: string, flags: number): SyscallError | undefined {
  const result = native().openAs(uid, path, flags);
  return result < 0 ? new SyscallError(-result, 'open') : undefined;
}
