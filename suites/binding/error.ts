import { getSystemErrorName } from 'node:util';

/** Names of Linux errnos that io_uring and the block layer return but Node does not know (asm-generic/errno.h, linux/errno.h). */
const LINUX_NAMES: Record<number, string> = {
  35: 'EDEADLK',
  43: 'EIDRM',
  52: 'EBADE',
  61: 'ENODATA',
  62: 'ETIME',
  67: 'ENOLINK',
  74: 'EBADMSG',
  77: 'EBADFD',
  // Node calls it ENOTSUP, which is the same number on Linux; the kernel's name is EOPNOTSUPP.
  95: 'EOPNOTSUPP',
  117: 'EUCLEAN',
  123: 'ENOMEDIUM',
  126: 'ENOKEY',
  524: 'ENOTSUPP',
};

/** Name of a positive errno: `EINVAL` for 22. */
export function errnoName(errno: number): string {
  return LINUX_NAMES[errno] ?? getSystemErrorName(-errno);
}

/** A failed system call. The message is `io_uring_setup: EINVAL`. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  /** Positive errno. */
  readonly errno: number;
  /** Name of the errno. */
  readonly code: string;
  /** Name of the call. */
  readonly syscall: string;

  constructor(errno: number, syscall: string) {
    super(`${syscall}: ${errnoName(errno)}`);
    this.errno = errno;
    this.code = errnoName(errno);
    this.syscall = syscall;
  }
}

/** Thrown when a wait exceeds its deadline, or can never end. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/** Returns a result of the addon. Throws SyscallError when it is -errno. */
export function checked<T>(result: T | number, syscall: string): T {
  if (typeof result === 'number' && result < 0) throw new SyscallError(-result, syscall);
  return result as T;
}
