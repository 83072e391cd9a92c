import { integer } from './bounds.ts';
import { bytesOf } from './clock.ts';
import { SyscallError } from './error.ts';
import { checkTransfer } from './file.ts';
import { type NativeStep, native, type Scripted } from './native.ts';
import type { Ring } from './ring.ts';

/** A step of a script: one system call. */
export interface Step {
  readonly call: NativeStep;
  /** Label shown when the step fails. */
  readonly name: string;
}

/** The enum of native/script.c. */
const [ENTER, READ, WRITE] = [0, 1, 2];

/**
 * A step that submits these SQEs with one io_uring_enter and waits for `complete` completions, also of SQEs that earlier steps submitted
 * to the ring. The `user_data` of an SQE must be its expected result.
 * Throws RangeError for SQEs of another size than the ring's, and for more completions than its CQ holds.
 */
export function enter(name: string, ring: Ring, sqes: readonly Uint8Array[], complete: number): Step {
  for (const { length } of sqes)
    if (length !== ring.sqeSize)
      throw new RangeError(`${name}: SQE of ${length} bytes, expected ${ring.sqeSize}`);
  integer(`${name}: completions`, complete, 0, ring.params.cqEntries);
  return { name, call: [ENTER, ring.handle, Buffer.concat(sqes), complete] };
}

/** A step that fills `bytes` from a file at byte `position`. Throws RangeError for a position below 0 and for released memory. */
export function pread(name: string, fd: number, bytes: Uint8Array, position: number): Step {
  checkTransfer(name, bytes, position);
  return { name, call: [READ, fd, bytes, position] };
}

/** A step that writes all of `bytes` to a file at byte `position`. Throws RangeError as `pread` does. */
export function pwrite(name: string, fd: number, bytes: Uint8Array, position: number): Step {
  checkTransfer(name, bytes, position);
  return { name, call: [WRITE, fd, bytes, position] };
}

/**
 * Runs the steps (16 at most) in order, once for each sample; between them only SQEs are copied to their rings. Blocks the event loop.
 * Each sample becomes the CPU time of this thread for one turn of all steps, ns, which leaves waiting out. Returns the CPU time of this
 * thread (`cpu`) and of the other threads of the process (`others`) over all turns, ns, and the bytes that reads and writes moved.
 *
 * Throws SyscallError with the name of the first step that failed; EIO stands for a short transfer and for a completion whose result was
 * not the expected one. Requests submitted by then may still be in flight. Throws RangeError for more than 16 steps.
 */
export function runScript(
  steps: readonly Step[],
  samples: Float64Array,
): Pick<Scripted, 'cpu' | 'others' | 'copied'> {
  const { result, at, ...figures } = native().script(
    steps.map(({ call }) => call),
    bytesOf(samples),
  );
  if (result < 0) throw new SyscallError(-result, steps[at]?.name ?? 'script');
  return figures;
}
