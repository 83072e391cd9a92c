import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
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

/** An open file. All methods throw SyscallError when their call fails. Closing it again does nothing. */
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
    return withSyscallError(() => readSync(this.fd, bytes, 0, bytes.length, position));
  }

  /** pwrite(2) at byte `position`; returns the number of bytes written. */
  write(bytes: Uint8Array, position: number): number {
    return withSyscallError(() => writeSync(this.fd, bytes, 0, bytes.length, position));
  }

  /** ftruncate(2) to `length` bytes. */
  truncate(length: number): void {
    withSyscallError(() => ftruncateSync(this.fd, length));
  }

  /** ioctl(2), which may block; returns its result, 0 or more. */
  ioctl(request: number, argument: Bytes = null): number {
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
