import { Flipper } from '../binding/index.ts';
import type { TestRing } from './ring.ts';
import type { Test } from './test.ts';

/** The slots of a ring's submission queue. */
const everySlot = ({ params }: TestRing) => Array.from({ length: params.sqEntries }, (_, slot) => slot);

/**
 * Starts a thread that rewrites byte `byte` of the SQEs in `slots` until the test's end: all get each of the `values` in turn. Skips on a
 * guest with one vCPU, where the thread would not run while the kernel reads the SQE.
 */
function flipByte(
  t: Test,
  ring: TestRing,
  byte: number,
  values: readonly number[],
  slots: readonly number[],
): Flipper {
  if (Number(t.lab.cell.facts.vcpus ?? 1) < 2)
    t.skip('needs a second vCPU for the thread that rewrites SQEs');
  const places = slots.map((slot) => slot * ring.sqeSize + byte);
  return t.use(new Flipper(ring, places, values));
}

/**
 * Starts a thread that rewrites one byte of the passthrough command in every SQE of a ring until the test's end: byte `index` (the lowest
 * is 0) of a field of struct nvme_uring_cmd, which gets the `values` in turn. Skips as `flipFlags`.
 */
export function flipCommand(
  t: Test,
  ring: TestRing,
  field: string,
  values: readonly number[],
  index = 0,
): Flipper {
  const command = t.uapi.field('io_uring_sqe', 'cmd').offset;
  const byte = command + t.uapi.field('nvme_uring_cmd', field).offset + index;
  return flipByte(t, ring, byte, values, everySlot(ring));
}

/**
 * Starts a thread that rewrites the flags of the SQEs in `slots` of a ring until the test's end: they get the `values` in turn. Skips on a
 * guest with one vCPU, where the thread would not run while the kernel reads the SQEs.
 */
export function flipFlags(
  t: Test,
  ring: TestRing,
  values: readonly number[],
  slots: readonly number[],
): Flipper {
  return flipByte(t, ring, t.uapi.field('io_uring_sqe', 'flags').offset, values, slots);
}
