import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Cqe, decodeCqes } from './cqe.ts';
import { checked, TimeoutError } from './error.ts';
import { native } from './native.ts';
import { before, deferred, Notice } from './notice.ts';
import { encodeParams, type RingOptions } from './params.ts';

/** Descriptors from 3 up to this limit are closed in the child (FD_LIMIT of native/child.c). */
const FD_LIMIT = 1024;
const EAGAIN = -11;

/** A call of io_uring_register in the child. */
export interface Registration {
  opcode: number;
  /** The memory that the call's argument points to. */
  argument: Uint8Array;
  /** `nr_args` of the call. */
  count: number;
}

/** What a Victim submits. */
export interface VictimOptions {
  /** Setup of the child's ring. */
  ring: RingOptions;
  /** SQEs of the ring's SQE size, back to back. */
  sqes: Uint8Array;
  /** Number of SQEs. */
  count: number;
  /** Descriptors that the SQEs use; the child closes all others above 2. */
  keep: readonly number[];
  /** Calls of io_uring_register before the submission, in this order. */
  registrations?: readonly Registration[];
  /** User that submits; default: that of this process. */
  uid?: number;
  /** Wait for all completions and report them, then exit; default: wait to be killed. */
  complete?: boolean;
}

/** How a child ended: its exit code, or the number of the signal that killed it. */
export type Ending = { code: number } | { signal: number };

/** Registrations in the addon's form (struct registration of native/child.c): opcode, offset of the argument in `data`, count. */
function encodeRegistrations(registrations: readonly Registration[]) {
  const data = Buffer.concat(registrations.map(({ argument }) => argument));
  let offset = 0;
  const triples = registrations.flatMap(({ opcode, argument, count }) => {
    const triple = [opcode, offset, count];
    offset += argument.length;
    return triple;
  });
  return { table: new Uint8Array(Uint32Array.from(triples).buffer), data };
}

/**
 * A forked child that opens a ring, submits commands and then waits to be killed. Disposing kills it and waits for its end. The constructor
 * throws SyscallError when the fork fails, RangeError when sizes and counts are inconsistent.
 */
export class Victim implements AsyncDisposable {
  /** Process id of the child. */
  readonly pid: number;
  readonly #cqeSize: number;
  readonly #count: number;
  readonly #complete: boolean;
  readonly #notice: Notice;
  #report: Buffer = Buffer.alloc(0);
  #more = deferred();
  #ended = false;
  #ending: Ending | undefined;

  constructor({ ring, sqes, count, keep, registrations = [], uid = -1, complete = false }: VictimOptions) {
    const kept = new Uint8Array(FD_LIMIT);
    for (const fd of keep) kept[fd] = 1;
    const { table, data } = encodeRegistrations(registrations);
    const started = checked<{ pid: number; report: number }>(
      native().victim(
        ...([ring.entries, encodeParams(ring), sqes, count, table] as const),
        ...([data, kept, uid, complete ? count : 0] as const),
      ),
      'fork',
    );
    this.pid = started.pid;
    this.#count = count;
    this.#complete = complete;
    this.#cqeSize = (ring.flags ?? 0) & (1 << 11) ? 32 : 16;
    const pidfd = checked<number>(native().pidfd(this.pid), 'pidfd_open');
    this.#notice = new Notice(pidfd);
    closeSync(pidfd);
    new Socket({ fd: started.report, readable: true, writable: false })
      .on('data', (chunk) => this.#grow(chunk))
      .on('close', () => this.#grow(undefined));
  }

  #grow(chunk: Buffer | undefined): void {
    if (chunk) this.#report = Buffer.concat([this.#report, chunk]);
    else this.#ended = true;
    const { resolve } = this.#more;
    this.#more = deferred();
    resolve();
  }

  async #read(from: number, length: number, timeoutMs: number): Promise<Buffer> {
    const deadline = performance.now() + timeoutMs;
    while (this.#report.length < from + length) {
      if (this.#ended)
        throw new Error(
          `the child ended before its report was complete: ${JSON.stringify(await this.wait())}`,
        );
      if (!(await before(deadline, this.#more.promise)))
        throw new TimeoutError(`no report from the child after ${timeoutMs} ms`);
    }
    return this.#report.subarray(from, from + length);
  }

  /**
   * Waits for the child's io_uring_enter and returns the number of SQEs that the kernel took. Throws SyscallError when the setup, a
   * registration or the submission failed, TimeoutError, and Error when the child ended first.
   */
  async submitted(timeoutMs = 10_000): Promise<number> {
    return checked((await this.#read(0, 4, timeoutMs)).readInt32LE(0), 'child');
  }

  /** Waits for the child's completions. Throws TypeError without the option `complete`, and what `submitted` throws. */
  async completions(timeoutMs = 10_000): Promise<Cqe[]> {
    if (!this.#complete) throw new TypeError('this child does not wait for completions');
    await this.submitted(timeoutMs);
    const raw = await this.#read(4, this.#count * this.#cqeSize, timeoutMs);
    return decodeCqes(raw, this.#count, this.#cqeSize);
  }

  /** Sends a signal to the child; does nothing once its end is known. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (!this.#ending) process.kill(this.pid, signal);
  }

  /** Waits for the child's end without blocking the event loop. Throws TimeoutError. */
  async wait(timeoutMs = 10_000): Promise<Ending> {
    const deadline = performance.now() + timeoutMs;
    while (!this.#ending) {
      const noticed = this.#notice.next();
      const status = native().collect(this.pid);
      if (status !== EAGAIN) {
        const code = checked(status, 'waitpid');
        this.#ending = code >= 256 ? { signal: code - 256 } : { code };
      } else if (!(await before(deadline, noticed)))
        throw new TimeoutError(`pid ${this.pid} still runs after ${timeoutMs} ms`);
    }
    this.#notice[Symbol.dispose]();
    return this.#ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.wait();
  }
}
