import { type Cqe, TimeoutError } from '../lib/index.ts';
import type { GroupRing } from './groups.ts';

/** Submits what was written and returns `count` CQEs, or those that arrive within two seconds. */
export async function collect(groupRing: GroupRing, count: number): Promise<Cqe[]> {
  try {
    return await groupRing.submitAndWait(count, { timeoutMs: 2000 });
  } catch (error) {
    if (error instanceof TimeoutError) return groupRing.ring.reap();
    throw error;
  }
}
