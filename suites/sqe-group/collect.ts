import { type Cqe, TimeoutError } from '../lib/index.ts';
import type { GroupRing } from './groups.ts';

/** Submits what was written and returns `count` CQEs, or those that arrive within `timeoutMs`. */
export async function collect(groupRing: GroupRing, count: number, timeoutMs = 2000): Promise<Cqe[]> {
  try {
    return await groupRing.submitAndWait(count, { timeoutMs });
  } catch (error) {
    if (error instanceof TimeoutError) return groupRing.ring.reap();
    throw error;
  }
}
