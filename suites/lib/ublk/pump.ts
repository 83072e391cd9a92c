import { nextTick } from 'node:process';
import {
  type Cqe,
  groupMarking,
  type SqeFields,
  TestRing,
  type TestRingOptions,
  type UapiTable,
  writeSqe,
} from '../index.ts';

/** An SQE, for IORING_OP_URING_CMD with its command: the fields of a struct by name. */
export interface PumpSqe extends Omit<SqeFields, 'userData'> {
  command?: { struct: string; values: Record<string, number | bigint | undefined> };
  /** The next SQE is of the same group, or of this one's. */
  grouped?: boolean;
}

/** A completion, with its place among all of its ring's. */
export type Answered = Cqe & { arrival: number };

/** Writes an SQE with its command and its group's mark. */
export function writePumpSqe(
  view: DataView,
  uapi: UapiTable,
  { command, grouped, ...fields }: PumpSqe,
  userData: number,
): void {
  writeSqe(view, uapi, { ...fields, userData });
  if (command) {
    const { offset } = uapi.field('io_uring_sqe', 'cmd');
    uapi.write(view, command.struct, command.values, offset);
  }
  if (grouped) groupMarking(uapi).mark(view);
}

interface Waiting {
  resolve(answered: Answered): void;
  reject(error: Error): void;
}

/** setTimeout knows no more (24 days): completions of a server come when they come. */
const FOREVER_MS = 2 ** 31 - 1;

/**
 * A ring whose completions go to who asked for them, as they come. SQEs that are written in one turn of the event loop are
 * submitted together; those of one `send` always are, so that a group or a link is not cut. No set-up flags that keep task work
 * from running while node sleeps in epoll.
 */
export class Pump implements Disposable {
  readonly ring: TestRing;
  readonly #uapi: UapiTable;
  readonly #waiting = new Map<number, Waiting>();
  #serial = 0;
  #arrivals = 0;
  #written = 0;
  #reaping = false;
  #closed = false;

  constructor(uapi: UapiTable, { flags = [], ...options }: TestRingOptions = {}) {
    this.#uapi = uapi;
    // One SQE that the kernel refuses to take must not leave the others lying.
    this.ring = new TestRing(uapi, {
      shape: 'plain',
      flags: ['IORING_SETUP_SUBMIT_ALL', ...flags],
      ...options,
    });
  }

  /**
   * Queues SQEs, in this order. Each promise is its completion; they are rejected when the pump is closed. Throws RangeError
   * when there are more than the ring has entries.
   */
  send(...sqes: readonly PumpSqe[]): Promise<Answered>[] {
    if (this.#closed) throw new Error('the ring is closed');
    if (this.#written + sqes.length > this.ring.params.sqEntries) this.flush();
    const promises = sqes.map((sqe) => this.#write(sqe));
    if (this.#written === sqes.length) nextTick(() => this.flush());
    if (!this.#reaping) void this.#reap();
    return promises;
  }

  /** As `send`, until all have completed; in the order of the SQEs. */
  all(...sqes: readonly PumpSqe[]): Promise<Answered[]> {
    return Promise.all(this.send(...sqes));
  }

  /** One request from submission to completion. */
  async one(sqe: PumpSqe): Promise<Answered> {
    const [answered] = await this.all(sqe);
    return answered as Answered;
  }

  /** Submits now what was queued. */
  flush(): void {
    if (this.#closed || this.#written === 0) return;
    this.#written = 0;
    for (let left = this.ring.publish(); left > 0; ) left -= this.ring.enter(left, 0, 0);
  }

  #write(sqe: PumpSqe): Promise<Answered> {
    const userData = ++this.#serial;
    writePumpSqe(this.ring.nextSqe(), this.#uapi, sqe, userData);
    this.#written++;
    const promise = new Promise<Answered>((resolve, reject) =>
      this.#waiting.set(userData, { resolve, reject }),
    );
    // A test that has failed awaits nothing any more.
    promise.catch(() => {});
    return promise;
  }

  async #reap(): Promise<void> {
    this.#reaping = true;
    try {
      while (this.#waiting.size > 0) {
        const first = await this.ring.wait(1, { timeoutMs: FOREVER_MS });
        for (const cqe of [...first, ...this.ring.reap()]) {
          this.#waiting.get(cqe.tag)?.resolve({ ...cqe, arrival: this.#arrivals++ });
          this.#waiting.delete(cqe.tag);
        }
      }
    } catch (error) {
      for (const { reject } of this.#waiting.values()) reject(error as Error);
      this.#waiting.clear();
    } finally {
      this.#reaping = false;
    }
  }

  /** Closes the ring: the kernel cancels what is under way. Twice is once. */
  close(): void {
    this.#closed = true;
    this.ring.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
