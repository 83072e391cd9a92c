import { getSystemErrorName } from 'node:util';

/** Linux errnos that block layer and io_uring use and Node has no names for (asm-generic/errno.h). */
const MORE: Record<number, string> = {
  35: 'EDEADLK',
  43: 'EIDRM',
  52: 'EBADE',
  61: 'ENODATA',
  62: 'ETIME',
  67: 'ENOLINK',
  74: 'EBADMSG',
  77: 'EBADFD',
  // Node follows macOS here; Linux calls it by this name.
  95: 'EOPNOTSUPP',
  117: 'EUCLEAN',
  123: 'ENOMEDIUM',
  126: 'ENOKEY',
  524: 'ENOTSUPP',
};

/** The name of a positive errno: 22 is `EINVAL`. */
export function errnoName(errno: number): string {
  return MORE[errno] ?? getSystemErrorName(-errno);
}

/** A system call that failed. `code` is the errno's name. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;
  constructor(errno: number, syscall: string) {
    super(`${syscall}: ${errnoName(errno)}`);
    this.errno = errno;
    this.code = errnoName(errno);
    this.syscall = syscall;
  }
}

/** Waiting took longer than it may. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/** Passes a result of the addon on, or throws it as a SyscallError when it is -errno. */
export function checked<T>(result: T | number, syscall: string): T {
  if (typeof result === 'number' && result < 0) throw new SyscallError(-result, syscall);
  return result as T;
}
