import { resultName } from './assert.ts';
import type { Test } from './test.ts';

/** Results of a member of an SQE group whose leader fails, by who documents them (RFC of April 2024, "io_uring: support sqe group"). */
const RESULTS = { 'later revisions': '-ECANCELED', RFC: '-EIO' };
const ECANCELED = -125;

/**
 * The result of a member whose leader fails, so that it can be compared with -ECANCELED: -EIO, which the RFC documents, is taken for it, and
 * which one was seen is reported with the test. Any other result stays as it is.
 */
export function memberError(t: Test, res: number): number {
  const name = resultName(res);
  if (!Object.values(RESULTS).includes(name)) return res;
  t.oneOf(name, RESULTS, 'result of a member whose leader fails');
  return ECANCELED;
}
