import { inside, integer } from './bounds.ts';
import { checked } from './error.ts';
import { type Handle, native } from './native.ts';
import type { Ring } from './ring.ts';

/**
 * A thread that rewrites bytes of a ring's SQEs from its construction until `stop`, without a pause and without a lock: what another
 * thread of a program can do while the kernel reads the SQEs. It has the scheduling policy SCHED_IDLE, so that it takes no CPU time
 * from other threads; on a machine with one CPU it hardly runs while they do. It may outlive its ring.
 */
export class Flipper implements Disposable {
  readonly #handle: Handle;

  /**
   * Each of the `values` (bytes) is written in turn to all `places`, offsets in `ring.sqes`. Throws RangeError for a place outside the
   * SQEs, for values that are no bytes, and for fewer than two of them; SyscallError when the thread cannot be started.
   */
  constructor(ring: Ring, places: readonly number[], values: readonly number[]) {
    integer('places to flip', places.length, 1, ring.sqes.byteLength);
    integer('values to flip between', values.length, 2, 256);
    for (const place of places) inside('flipped byte', place, 1, ring.sqes.byteLength, 'the SQEs');
    for (const value of values) integer('value of a flipped byte', value, 0, 255);
    const offsets = new Uint8Array(Uint32Array.from(places).buffer);
    this.#handle = checked<Handle>(native().flip(ring.handle, offsets, Uint8Array.from(values)), 'flip');
  }

  /** Values that have been written to all places so far. */
  get flips(): number {
    return native().flips(this.#handle);
  }

  /** Ends the thread: the bytes keep what they have. Returns the number of flips. Does nothing more when repeated. */
  stop(): number {
    native().unflip(this.#handle);
    return this.flips;
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}
