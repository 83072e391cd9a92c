import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { checked, SyscallError } from './error.ts';
import { type Bytes, native } from './native.ts';

function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { errno, syscall } = error as NodeJS.ErrnoException;
    throw errno === undefined ? error : new SyscallError(-errno, syscall ?? 'call');
  }
}

/** An open file. Throws SyscallError; closing twice is closing once. */
export class File implements Disposable {
  readonly path: string;
  readonly fd: number;
  #open = true;

  /** `flags` as open(2) takes them (node:fs `constants`, O_DIRECT included). */
  constructor(path: string, flags: number, mode = 0o600) {
    this.path = path;
    this.fd = translated(() => openSync(path, flags, mode));
  }

  /** pread(2): how many bytes were read. */
  read(bytes: Uint8Array, position: number): number {
    return translated(() => readSync(this.fd, bytes, 0, bytes.length, position));
  }

  /** pwrite(2): how many bytes were written. */
  write(bytes: Uint8Array, position: number): number {
    return translated(() => writeSync(this.fd, bytes, 0, bytes.length, position));
  }

  /** ftruncate(2). */
  truncate(length: number): void {
    translated(() => ftruncateSync(this.fd, length));
  }

  /** ioctl(2), synchronous; the non-negative result. */
  ioctl(request: number, argument: Bytes = null): number {
    return checked(native().ioctl(this.fd, request, argument), 'ioctl');
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** open(2) as another user, in a child: the errno's name, or undefined when it may. */
export function openAs(uid: number, path: string, flags: number): SyscallError | undefined {
  const result = native().openAs(uid, path, flags);
  return result < 0 ? new SyscallError(-result, 'open') : undefined;
}
