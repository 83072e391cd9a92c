import { bytesOf } from './clock.ts';
import { SyscallError } from './error.ts';
import { type NativeStep, native, type Scripted } from './native.ts';
import type { Ring } from './ring.ts';

/** A system call of a script. */
export interface Step {
  readonly call: NativeStep;
  /** What it is, for who reads that it failed. */
  readonly name: string;
}

const [ENTER, READ, WRITE] = [0, 1, 2];

/**
 * Submits these SQEs by one call, which waits for `complete` completions of whatever was submitted to the ring. The `user_data` of
 * an SQE is the result that it is to have.
 */
export function enter(name: string, ring: Ring, sqes: readonly Uint8Array[], complete: number): Step {
  return { name, call: [ENTER, ring.handle, Buffer.concat(sqes), complete] };
}

/** Reads all of `bytes` from a file at `position`. The same memory each time. */
export function pread(name: string, fd: number, bytes: Uint8Array, position: number): Step {
  return { name, call: [READ, fd, bytes, position] };
}

/** Writes all of `bytes` to a file at `position`. */
export function pwrite(name: string, fd: number, bytes: Uint8Array, position: number): Step {
  return { name, call: [WRITE, fd, bytes, position] };
}

/**
 * Does the steps (16 at most) one after the other, all of them once for each sample, with nothing between them but a copy of each
 * SQE to its ring; blocks the event loop. `samples` becomes the CPU time of this thread for each turn, ns: waiting is none.
 * Throws SyscallError, with the step's name, for the first step that failed, or that moved less than all, or that had a completion
 * with another result than it was to have (EIO). What was submitted before is under way then.
 */
export function runScript(
  steps: readonly Step[],
  samples: Float64Array,
): Pick<Scripted, 'cpu' | 'others' | 'copied'> {
  const { result, at, ...figures } = native().script(
    steps.map(({ call }) => call),
    bytesOf(samples),
  );
  if (result < 0) throw new SyscallError(-result, steps[at]?.name ?? 'a step');
  return figures;
}
