import { bytesOf } from './clock.ts';
import { type Cqe, decodeCqes } from './cqe.ts';
import { checked, TimeoutError } from './error.ts';
import { type Bytes, type Indices, native, type OpenedRing } from './native.ts';
import { before, Notice } from './notice.ts';
import { decodeParams, encodeParams, type RingOptions, type RingParams } from './params.ts';

/** IORING_SETUP_IOPOLL: the kernel posts nothing by itself, somebody has to enter. */
const IOPOLL = 1;
const BATCH = 128;

/** How a full queue is submitted and completes. */
export interface Turn {
  /** Each request is submitted by a call of its own; default: all by one. */
  apart?: boolean;
  /** A descriptor: eight bytes written to it make requests complete that would wait for ever. */
  trigger?: number;
  /** A descriptor that does not block: it is read until it is empty after each turn. */
  drain?: number;
}

/**
 * An io_uring of any shape. SQEs are written by the caller byte by byte; completions come by `reap` or `wait`.
 * Closing takes its memory away from all views. Throws SyscallError.
 */
export class Ring implements Disposable {
  readonly fd: number;
  readonly params: RingParams;
  readonly sqeSize: number;
  readonly cqeSize: number;
  /** The shared memory of both queues; offsets are in `params`. */
  readonly queues: ArrayBuffer;
  readonly sqes: ArrayBuffer;
  /** For other parts of the binding. */
  readonly handle: OpenedRing['handle'];
  readonly #raw: Uint8Array;
  #notice: Notice | undefined;
  #ready: Cqe[] = [];
  #written = 0;
  #closed = false;

  constructor(options: RingOptions) {
    const params = encodeParams(options);
    const opened = checked<OpenedRing>(native().open(options.entries, params), 'io_uring_setup');
    this.params = decodeParams(params);
    this.handle = opened.handle;
    this.fd = opened.fd;
    this.sqeSize = opened.sqeSize;
    this.cqeSize = opened.cqeSize;
    this.queues = opened.queues;
    this.sqes = opened.sqes;
    this.#raw = new Uint8Array(BATCH * opened.cqeSize);
  }

  /** The next free SQE, zeroed; it counts as written from now on. Throws RangeError when the queue is full. */
  nextSqe(): DataView {
    const { sqHead, sqTail } = this.indices();
    const next = sqTail + this.#written;
    if ((next - sqHead) >>> 0 >= this.params.sqEntries) throw new RangeError('the submission queue is full');
    const slot = next & (this.params.sqEntries - 1);
    new Uint8Array(this.sqes, slot * this.sqeSize, this.sqeSize).fill(0);
    this.#written++;
    return new DataView(this.sqes, slot * this.sqeSize, this.sqeSize);
  }

  /** Makes written SQEs visible to the kernel without entering it; how many. */
  publish(): number {
    const count = this.#written;
    checked(native().push(this.handle, count), 'push');
    this.#written = 0;
    return count;
  }

  /** Publishes and submits what was written; how many the kernel took. */
  submit(): number {
    return this.enter(this.publish(), 0, 0);
  }

  /** As `submit`, from a thread that has exited when this returns. */
  submitFromThread(): number {
    return checked(native().enterFromThread(this.handle, this.publish(), 0, 0), 'io_uring_enter');
  }

  /** io_uring_enter as it is: blocks the event loop when `complete` > 0. `timeoutMs` < 0: no limit. */
  enter(submit: number, complete: number, flags: number, timeoutMs = -1): number {
    return checked(native().enter(this.handle, submit, complete, flags, timeoutMs), 'io_uring_enter');
  }

  /** Completions that are there, at most `max`, without entering the kernel. */
  reap(max = Number.POSITIVE_INFINITY): Cqe[] {
    while (this.#ready.length < max) {
      const room = this.#raw.subarray(0, Math.min(BATCH, max - this.#ready.length) * this.cqeSize);
      const count = native().reap(this.handle, room);
      this.#ready.push(...decodeCqes(room, count, this.cqeSize));
      if (count < BATCH) break;
    }
    return this.#ready.splice(0, max);
  }

  /**
   * Waits for `count` completions without blocking the event loop.
   * Throws TimeoutError after `timeoutMs`; what has come by then stays for the next `wait` or `reap`.
   */
  async wait(count = 1, { timeoutMs = 10_000 } = {}): Promise<Cqe[]> {
    const deadline = performance.now() + timeoutMs;
    for (let expired = false; ; ) {
      const noticed = this.#noticed();
      this.#collect(count);
      if (this.#ready.length >= count) return this.#ready.splice(0, count);
      if (expired)
        throw new TimeoutError(`${this.#ready.length} of ${count} completions after ${timeoutMs} ms`);
      expired = !(await before(deadline, noticed));
      if (this.#closed) throw new TimeoutError('the ring was closed while waiting');
    }
  }

  /** Reaping makes room for completions that overflowed: they come with the next flush. */
  #collect(count: number): void {
    for (let more = true; more && this.#ready.length < count; ) {
      checked(native().flush(this.handle), 'io_uring_enter');
      const had = this.#ready.length;
      this.#ready = this.reap();
      more = this.#ready.length > had;
    }
  }

  #noticed(): Promise<void> {
    if (this.params.flags & IOPOLL) return new Promise((resolve) => setImmediate(resolve));
    this.#notice ??= new Notice(checked(native().notifyFd(this.handle), 'io_uring_register'));
    return this.#notice.next();
  }

  /** io_uring_register by number; its non-negative result. */
  register(opcode: number, argument: Bytes, count: number): number {
    return checked(native().register(this.handle, opcode, argument, count), 'io_uring_register');
  }

  /**
   * Submits all SQEs of a full queue, as they lie, again and again, and waits for them each time; blocks the event loop.
   * `samples` becomes the ticks of the time-stamp counter that each submission took, or with a `trigger` each call in which all
   * of them complete. CPU time of the thread over all, ns. Throws SyscallError with the first completion that failed.
   */
  measure(samples: Float64Array, turn: Turn = {}): number {
    const { apart = false, trigger = -1, drain = -1 } = turn;
    return this.#again(() => native().measure(this.handle, bytesOf(samples), Number(apart), trigger, drain));
  }

  /**
   * Keeps the device busy with the SQEs of a full queue, as they lie, one sent for each that completes; blocks the event loop.
   * Each of `samples` becomes the time of one request, ns. Returns the time of everything, and how much of it the thread was in
   * the kernel, ns. Throws SyscallError with the first completion that failed.
   */
  drive(samples: Float64Array): { wall: number; system: number } {
    return this.#again(() => native().drive(this.handle, bytesOf(samples)));
  }

  /** Does something with a queue that is full, or was when this was done before. */
  #again<T>(act: () => T | number): T {
    const again = this.#written === 0 && this.indices().sqTail >= this.params.sqEntries;
    if (!again && this.#written !== this.params.sqEntries)
      throw new RangeError('the submission queue is not full');
    this.#written = 0;
    return checked<T>(act(), 'a measured request');
  }

  indices(): Indices {
    return native().indices(this.handle);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#notice?.[Symbol.dispose]();
    native().close(this.handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
