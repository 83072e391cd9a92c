import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Cqe, decodeCqes } from './cqe.ts';
import { checked, TimeoutError } from './error.ts';
import { native } from './native.ts';
import { before, deferred, Notice } from './notice.ts';
import { encodeParams, type RingOptions } from './params.ts';

const FD_LIMIT = 1024;

export interface Registration {
  opcode: number;
  /** What the call's argument points to. */
  argument: Uint8Array;
  count: number;
}

export interface VictimOptions {
  ring: RingOptions;
  /** SQEs in the ring's size, back to back. */
  sqes: Uint8Array;
  /** How many SQEs. */
  count: number;
  /** Descriptors that the SQEs name; the child keeps these and closes all others. */
  keep: readonly number[];
  /** Calls of io_uring_register before submitting, in this order. */
  registrations?: readonly Registration[];
  /** Submit as this user; default: as we are. */
  uid?: number;
  /** Wait for all completions and report them, then exit; default: wait to be killed. */
  complete?: boolean;
}

/** What ended a child: its exit code, or the signal's number. */
export type Ending = { code: number } | { signal: number };

/** The calls as the addon takes them: triples of opcode, place of the argument in `data`, and count. */
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

/** A forked child that submits commands on a ring of its own. Disposing it kills it and waits for its end. */
export class Victim implements AsyncDisposable {
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
        throw new Error(`the child ended before it reported: ${JSON.stringify(await this.wait())}`);
      if (!(await before(deadline, this.#more.promise)))
        throw new TimeoutError(`no report after ${timeoutMs} ms`);
    }
    return this.#report.subarray(from, from + length);
  }

  /** Result of the child's io_uring_enter: how many were submitted; SyscallError when it failed. */
  async submitted(timeoutMs = 10_000): Promise<number> {
    return checked((await this.#read(0, 4, timeoutMs)).readInt32LE(0), 'child');
  }

  /** The child's completions (needs `complete`). */
  async completions(timeoutMs = 10_000): Promise<Cqe[]> {
    if (!this.#complete) throw new TypeError('this child does not wait for completions');
    await this.submitted(timeoutMs);
    const raw = await this.#read(4, this.#count * this.#cqeSize, timeoutMs);
    return decodeCqes(raw, this.#count, this.#cqeSize);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (!this.#ending) process.kill(this.pid, signal);
  }

  /** Waits for the child's end without blocking. Throws TimeoutError. */
  async wait(timeoutMs = 10_000): Promise<Ending> {
    const deadline = performance.now() + timeoutMs;
    const EAGAIN = -11;
    while (!this.#ending) {
      const noticed = this.#notice.next();
      const status = native().collect(this.pid);
      if (status !== EAGAIN) {
        const known = checked(status, 'waitpid');
        this.#ending = known >= 256 ? { signal: known - 256 } : { code: known };
      } else if (!(await before(deadline, noticed)))
        throw new TimeoutError(`pid ${this.pid} lives after ${timeoutMs} ms`);
    }
    this.#notice[Symbol.dispose]();
    return this.#ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.wait();
  }
}
