import type { Verdict } from '../model/verdict.ts';

/** How the exit code of a program without TAP is read. */
export type ExitConvention = 'kselftest' | 'liburing' | 'plain';

/**
 * kselftest.h: 0 pass, 1 fail, 2 expected failure, 3 unexpected pass, 4 skip; its runner and liburing's wrap tests in
 * timeout(1), which exits with 124. liburing's T_EXIT_SKIP is 77.
 */
const CODES: Record<ExitConvention, Record<number, Verdict>> = {
  kselftest: { 0: 'pass', 2: 'todo', 3: 'pass', 4: 'skip', 124: 'timeout' },
  liburing: { 0: 'pass', 77: 'skip', 124: 'timeout' },
  plain: { 0: 'pass' },
};

/** Exit codes of a program that was skipped, whatever its convention. One whose results are skips may end with them. */
export const SKIP_CODES: readonly (number | null)[] = [4, 77];

/** Verdict of an exit code; null (a signal, or no status arrived) is `lost`, never a pass. */
export function exitConvention(convention: ExitConvention, code: number | null): Verdict {
  if (code === null) return 'lost';
  return CODES[convention][code] ?? 'fail';
}
