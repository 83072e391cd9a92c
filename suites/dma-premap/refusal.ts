import { SyscallError } from '../lib/index.ts';
import type { Fixture } from './fixture.ts';

/** Name of the errno that a call fails with, else `no error`. Throws what is no error of a system call. */
export function errnoOf(call: () => unknown): string {
  try {
    call();
    return 'no error';
  } catch (error) {
    if (error instanceof SyscallError) return error.code;
    throw error;
  }
}

/** Asserts that mapping for the file in a slot fails; with which errno is a choice. */
export function assertRefused(fixture: Fixture, fd: number, what: string): void {
  const { t } = fixture;
  const errno = errnoOf(() => fixture.map({ fd }));
  t.ok(errno !== 'no error', `mapping for ${what} fails`);
  t.choice(errno, 'EOPNOTSUPP', `errno of mapping for ${what}`);
}
