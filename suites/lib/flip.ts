import { Flipper } from '../binding/index.ts';
import type { TestRing } from './ring.ts';
import type { Test } from './test.ts';

/**
 * Starts a thread that rewrites one byte of the passthrough command in every SQE of a ring until the test's end: byte `index` (the lowest
 * is 0) of a field of struct nvme_uring_cmd, which gets the `values` in turn. Skips on a guest with one vCPU, where the thread would not
 * run while the kernel reads the SQE.
 */
export function flipCommand(
  t: Test,
  ring: TestRing,
  field: string,
  values: readonly number[],
  index = 0,
): Flipper {
  if (Number(t.lab.cell.facts.vcpus ?? 1) < 2)
    t.skip('needs a second vCPU for the thread that rewrites SQEs');
  const command = t.uapi.field('io_uring_sqe', 'cmd').offset;
  const byte = command + t.uapi.field('nvme_uring_cmd', field).offset + index;
  const slots = Array.from({ length: ring.params.sqEntries }, (_, slot) => slot * ring.sqeSize + byte);
  return t.use(new Flipper(ring, slots, values));
}
