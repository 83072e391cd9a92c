import type { Test } from '../lib/index.ts';
import { collect } from './collect.ts';
import { completionsByTag, type GroupRing, nop } from './groups.ts';

/**
 * Asserts that the kernel's count of CQEs is right: submits a drained NOP, which completes only then, and another behind it, which waits
 * too if the first one has to. Their order is not defined. `after` names what came before.
 */
export async function assertDrained(t: Test, groupRing: GroupRing, after: string): Promise<void> {
  groupRing.write(nop(200, { flags: ['IOSQE_IO_DRAIN'] }));
  groupRing.write(nop(201));
  const cqes = [...(await collect(groupRing, 2)), ...groupRing.ring.reap()];
  t.same(
    completionsByTag(cqes),
    ['200:0', '201:0'],
    `completions of a drained request after ${after} and of the one behind it`,
  );
}
