import { bytesOf } from './clock.ts';
import { type Cqe, decodeCqes } from './cqe.ts';
import { checked, TimeoutError } from './error.ts';
import { type Bytes, type Indices, native, type OpenedRing } from './native.ts';
import { before, Notice } from './notice.ts';
import { decodeParams, encodeParams, type RingOptions, type RingParams } from './params.ts';
import { checkRegistration } from './register.ts';

/** IORING_SETUP_IOPOLL: completions are posted only while the ring is entered. */
const IOPOLL = 1;
/** CQEs that one call of the addon reaps. */
const BATCH = 128;

/** How `measure` submits and completes the SQEs of a full queue. */
export interface Turn {
  /** One call of io_uring_enter for each request; default: one call for all. */
  apart?: boolean;
  /** Descriptor that the requests wait for: 8 bytes written to it let them complete. */
  trigger?: number;
  /** Non-blocking descriptor that is read until it is empty after each turn. */
  drain?: number;
}

/**
 * An io_uring of any shape. The caller writes SQEs byte by byte; `reap` and `wait` return completions. Closing detaches all views of its
 * memory. The constructor and all methods throw SyscallError when a call fails; methods throw an error with code ERR_RING_CLOSED after
 * `close`.
 */
export class Ring implements Disposable {
  readonly fd: number;
  /** The parameters that the kernel has set. */
  readonly params: RingParams;
  /** Bytes of an SQE: 64 or 128. */
  readonly sqeSize: number;
  /** Bytes of a CQE: 16 or 32. */
  readonly cqeSize: number;
  /** Shared memory of both queues; `params` has the offsets. */
  readonly queues: ArrayBuffer;
  /** Shared memory of the SQEs. */
  readonly sqes: ArrayBuffer;
  /** The ring inside the addon, for other modules of the binding. */
  readonly handle: OpenedRing['handle'];
  readonly #raw: Uint8Array;
  #notice: Notice | undefined;
  /** Reaped but not yet returned. */
  #ready: Cqe[] = [];
  /** SQEs written since the last `publish`. */
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

  /** The next free SQE, zeroed; the next `publish` or `submit` includes it. Throws RangeError when the queue is full. */
  nextSqe(): DataView {
    const { sqHead, sqTail } = this.indices();
    const next = sqTail + this.#written;
    if ((next - sqHead) >>> 0 >= this.params.sqEntries) throw new RangeError('the submission queue is full');
    const slot = next & (this.params.sqEntries - 1);
    new Uint8Array(this.sqes, slot * this.sqeSize, this.sqeSize).fill(0);
    this.#written++;
    return new DataView(this.sqes, slot * this.sqeSize, this.sqeSize);
  }

  /** Whether the ring is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Makes written SQEs visible to the kernel without entering it. Returns their number. */
  publish(): number {
    const count = this.#written;
    checked(native().push(this.handle, count), 'push');
    this.#written = 0;
    return count;
  }

  /** Publishes and submits written SQEs. Returns the number that the kernel took. */
  submit(): number {
    return this.enter(this.publish(), 0, 0);
  }

  /** `submit` from a new thread, which has exited when this returns. */
  submitFromThread(): number {
    return checked(native().enterFromThread(this.handle, this.publish(), 0, 0), 'io_uring_enter');
  }

  /** io_uring_enter: blocks the event loop when `complete` is not 0. `timeoutMs` below 0: no time limit. Returns the SQEs taken. */
  enter(submit: number, complete: number, flags: number, timeoutMs = -1): number {
    return checked(native().enter(this.handle, submit, complete, flags, timeoutMs), 'io_uring_enter');
  }

  /** Returns completions that have been posted, at most `max`, without entering the kernel. */
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
   * Waits for `count` completions without blocking the event loop. Throws TimeoutError after `timeoutMs` or when the ring is closed
   * meanwhile; completions that have arrived by then remain for the next `wait` or `reap`.
   */
  async wait(count = 1, { timeoutMs = 10_000 } = {}): Promise<Cqe[]> {
    const deadline = performance.now() + timeoutMs;
    for (let expired = false; ; ) {
      const noticed = this.#nextNotice();
      this.#collect(count);
      if (this.#ready.length >= count) return this.#ready.splice(0, count);
      if (expired)
        throw new TimeoutError(`${this.#ready.length} of ${count} completions after ${timeoutMs} ms`);
      expired = !(await before(deadline, noticed));
      if (this.#closed) throw new TimeoutError('the ring was closed while waiting');
    }
  }

  /** Reaps until `count` are ready or no more arrive: reaping makes room for overflowed completions, which the next flush posts. */
  #collect(count: number): void {
    for (let progress = true; progress && this.#ready.length < count; ) {
      checked(native().flush(this.handle), 'io_uring_enter');
      const before = this.#ready.length;
      this.#ready = this.reap();
      progress = this.#ready.length > before;
    }
  }

  /** Resolves when completions may have been posted. */
  #nextNotice(): Promise<void> {
    if (this.params.flags & IOPOLL) return new Promise((resolve) => setImmediate(resolve));
    this.#notice ??= new Notice(checked(native().notifyFd(this.handle), 'io_uring_register'));
    return this.#notice.next();
  }

  /** io_uring_register with an opcode by number. Returns its result, 0 or more. Throws RangeError for an argument that is too small. */
  register(opcode: number, argument: Bytes, count: number): number {
    checkRegistration(opcode, argument, count);
    return checked(native().register(this.handle, opcode, argument, count), 'io_uring_register');
  }

  /**
   * Submits the SQEs of a full queue unchanged, once for each sample, and waits for their completions each time; blocks the event loop.
   * Each sample becomes the ticks of the time-stamp counter that the submission took; with a `trigger`, those of the io_uring_enter in
   * which the requests complete. Returns the CPU time of the thread over all, ns. Throws RangeError when the queue is not full,
   * SyscallError with the errno of the first completion that failed.
   */
  measure(samples: Float64Array, turn: Turn = {}): number {
    const { apart = false, trigger = -1, drain = -1 } = turn;
    return this.#withFullQueue(() =>
      native().measure(this.handle, bytesOf(samples), Number(apart), trigger, drain),
    );
  }

  /**
   * Keeps the queue full with its SQEs, unchanged: submits one for each that completes, until there is one request for each sample;
   * blocks the event loop. Each sample becomes the latency of one request, ns. Returns the elapsed time and the thread's system time,
   * ns. Throws RangeError when the queue is not full, SyscallError with the errno of the first completion that failed.
   */
  drive(samples: Float64Array): { wall: number; system: number } {
    return this.#withFullQueue(() => native().drive(this.handle, bytesOf(samples)));
  }

  /** Calls `act` when all slots have been written: now, or before an earlier call that has submitted them. */
  #withFullQueue<T>(act: () => T | number): T {
    const repeated = this.#written === 0 && this.indices().sqTail >= this.params.sqEntries;
    if (!repeated && this.#written !== this.params.sqEntries)
      throw new RangeError('the submission queue is not full');
    this.#written = 0;
    return checked<T>(act(), 'measured request');
  }

  /** Reads the counters of the queues. */
  indices(): Indices {
    return native().indices(this.handle);
  }

  /** Closes the ring and detaches its memory. Does nothing more when repeated. */
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
