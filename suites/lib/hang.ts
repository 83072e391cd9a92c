import { SyscallError } from '../binding/index.ts';
import { pipe } from './pipe.ts';
import { until } from './presence.ts';
import { ringsOf, type TestRing } from './ring.ts';
import type { Test } from './test.ts';

/** A kernel cancels what waits, and frees a ring in a worker, within a fraction of this. */
const FREED_MS = 5000;

/**
 * Closes a ring and says whether the kernel frees it, which takes its last request to end. Drain would say so too, but some kernels count
 * notifications of zero-copy sends wrongly. Undefined where it cannot be seen: the ring is closed, or has registered files of its own.
 */
export async function isFreed(t: Test, ring: TestRing, timeoutMs = FREED_MS): Promise<boolean | undefined> {
  if (ring.closed) return undefined;
  const trace = pipe(t);
  try {
    ring.registerFiles([trace.writer]);
  } catch (error) {
    if (error instanceof SyscallError) return undefined;
    throw error;
  }
  // From now on only the ring keeps the writer open.
  trace.closeWriter();
  ring.close();
  return await until('the ring is freed', trace.released, timeoutMs).then(
    () => true,
    () => false,
  );
}

/** Whether requests of a test hang, so that a ring that it opened is never freed. Closes its rings. */
export async function hasHangingRequests(t: Test): Promise<boolean> {
  for (const ring of ringsOf(t)) if ((await isFreed(t, ring)) === false) return true;
  return false;
}
