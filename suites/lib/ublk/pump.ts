import { nextTick } from 'node:process';
import {
  type Cqe,
  groupMarking,
  type SqeFields,
  TestRing,
  type TestRingOptions,
  type UapiTable,
  writeSqe,
} from '../base.ts';

/** Fields of an SQE; the pump assigns its `user_data`. */
export interface PumpSqe extends Omit<SqeFields, 'userData'> {
  /** The command of IORING_OP_URING_CMD: a struct's name, and its fields by name. */
  command?: { struct: string; values: Record<string, number | bigint | undefined> };
  /** The SQE group continues with the next SQE. */
  grouped?: boolean;
}

/** A CQE; `arrival` is its index among the completions of its ring, from 0. */
export type Completion = Cqe & { arrival: number };

/** Writes an SQE with its command and group flag to `view`. Throws SkipError where the kernel has no SQE groups. */
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

interface Pending {
  resolve(completion: Completion): void;
  reject(error: Error): void;
}

/** The largest delay of setTimeout (24 days): a server's fetch completes only when a client sends a request. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * A ring that returns a promise for each SQE. SQEs that are queued in one turn of the event loop are submitted by one system call.
 * Those of one `send` always are, so that a group or a chain of links is never split. IORING_SETUP_DEFER_TASKRUN must not be set:
 * task work has to run while Node sleeps in epoll.
 */
export class Pump implements Disposable {
  readonly ring: TestRing;
  readonly #uapi: UapiTable;
  readonly #pending = new Map<number, Pending>();
  #serial = 0;
  #arrivals = 0;
  #written = 0;
  #reaping = false;
  #closed = false;

  constructor(uapi: UapiTable, { flags = [], ...options }: TestRingOptions = {}) {
    this.#uapi = uapi;
    // Without SUBMIT_ALL an SQE that fails at submission would leave those behind it unsubmitted.
    this.ring = new TestRing(uapi, {
      shape: 'plain',
      flags: ['IORING_SETUP_SUBMIT_ALL', ...flags],
      ...options,
    });
  }

  /**
   * Queues SQEs, in this order, and returns a promise for the completion of each; closing the pump rejects them. Throws RangeError
   * when there are more SQEs than the ring has entries, Error when the pump is closed.
   */
  send(...sqes: readonly PumpSqe[]): Promise<Completion>[] {
    if (this.#closed) throw new Error('the ring is closed');
    if (this.#written + sqes.length > this.ring.params.sqEntries) this.flush();
    const completions = sqes.map((sqe) => this.#write(sqe));
    if (this.#written === sqes.length) nextTick(() => this.flush());
    if (!this.#reaping) void this.#reap();
    return completions;
  }

  /** `send`, then waits for all completions; they are in the order of the SQEs. Rejects as `send` does. */
  executeAll(...sqes: readonly PumpSqe[]): Promise<Completion[]> {
    return Promise.all(this.send(...sqes));
  }

  /** Submits one SQE and waits for its completion. Rejects as `send` does. */
  async execute(sqe: PumpSqe): Promise<Completion> {
    const [completion] = await this.executeAll(sqe);
    return completion as Completion;
  }

  /** Submits the queued SQEs now. Throws SyscallError. */
  flush(): void {
    if (this.#closed || this.#written === 0) return;
    this.#written = 0;
    for (let left = this.ring.publish(); left > 0; ) left -= this.ring.enter(left, 0, 0);
  }

  #write(sqe: PumpSqe): Promise<Completion> {
    const userData = ++this.#serial;
    this.ring.fill((view) => writePumpSqe(view, this.#uapi, sqe, userData));
    this.#written++;
    const promise = new Promise<Completion>((resolve, reject) =>
      this.#pending.set(userData, { resolve, reject }),
    );
    // A failed test no longer awaits its completions: their rejection must not end the process.
    promise.catch(() => {});
    return promise;
  }

  async #reap(): Promise<void> {
    this.#reaping = true;
    try {
      while (this.#pending.size > 0) {
        const waited = await this.ring.wait(1, { timeoutMs: MAX_DELAY_MS });
        for (const cqe of [...waited, ...this.ring.reap()]) {
          this.#pending.get(cqe.tag)?.resolve({ ...cqe, arrival: this.#arrivals++ });
          this.#pending.delete(cqe.tag);
        }
      }
    } catch (error) {
      for (const { reject } of this.#pending.values()) reject(error as Error);
      this.#pending.clear();
    } finally {
      this.#reaping = false;
    }
  }

  /** Closes the ring; the kernel cancels the requests in flight. Idempotent. */
  close(): void {
    this.#closed = true;
    this.ring.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
