import { errnoName } from '../../binding/index.ts';
import { type File, Mapping, Memory, type UapiTable } from '../base.ts';
import type { DeviceInfo } from './control.ts';
import type { Gate } from './gate.ts';
import { type Completion, Pump, type PumpSqe } from './pump.ts';
import { type BlockRequest, RequestLayout } from './request.ts';

const COMMAND = 'ublksrv_io_cmd';
const PAGE = 4096;
const pageAlign = (bytes: number) => Math.ceil(bytes / PAGE) * PAGE;

/** What a strategy answers a request with: the ring, the character device and the buffers of the request's queue. */
export interface Port {
  readonly uapi: UapiTable;
  /** /dev/ublkcN */
  readonly char: File;
  /** Position in `char` of byte `offset` of a request's data (UBLK_F_USER_COPY). */
  position(request: BlockRequest, offset?: number): number;
  /** Memory of the server for a request's data: one buffer per tag, of the largest request's size. */
  buffer(request: BlockRequest): Memory;
  /** Submits SQEs to the queue's ring by one system call, in this order, and waits for all completions (`Pump.executeAll`). */
  send(...sqes: readonly PumpSqe[]): Promise<Completion[]>;
  /** A leader that lends a request's pages to the members of its group (UBLK_U_IO_PROVIDE_IO_BUF). `more` overrides its fields. */
  provide(request: BlockRequest, more?: Partial<PumpSqe>): PumpSqe;
  /** Submits such a leader and its members, whose `addr` is an offset into the request's data. Completions, the leader's first. */
  group(request: BlockRequest, ...members: readonly PumpSqe[]): Promise<Completion[]>;
}

/**
 * Answers one request: returns the result to commit, bytes or -errno. If it throws, the request completes with -EIO and disposing
 * of the server throws the error.
 */
export type Strategy = (request: BlockRequest, port: Port) => number | Promise<number>;

/** What a queue is made from; `index` is its number, `q_id` of the kernel. */
export interface QueueOptions {
  uapi: UapiTable;
  char: File;
  info: DeviceInfo;
  index: number;
  strategy: Strategy;
  gate: Gate;
  /** SQ entries of the queue's ring. */
  entries: number;
}

/**
 * One queue of a device: fetches requests, calls the strategy and commits the results (Documentation/block/ublk.rst, "Data
 * plane"). All commands come from the event loop's thread: the driver requires that one thread serves a queue.
 */
export class Queue implements Port, Disposable {
  readonly uapi: UapiTable;
  readonly char: File;
  readonly pump: Pump;
  /** Errors of the server: what strategies threw, and fetch or commit commands that failed. */
  readonly failures: Error[] = [];
  /** Requests fetched, and their bytes. */
  readonly served = { requests: 0, bytes: 0 };
  /** Resolves when the first request has been fetched. */
  readonly fetched: Promise<void>;
  readonly #options: QueueOptions;
  readonly #layout: RequestLayout;
  readonly #descriptors: Mapping;
  readonly #buffers = new Map<number, Memory>();
  #tags: Promise<unknown> = Promise.resolve();
  #onFetch = () => {};

  constructor(options: QueueOptions) {
    this.#options = options;
    this.fetched = new Promise((resolve) => {
      this.#onFetch = resolve;
    });
    this.uapi = options.uapi;
    this.char = options.char;
    this.#layout = new RequestLayout(this.uapi);
    this.pump = new Pump(this.uapi, { entries: options.entries });
    // The descriptor array of queue n begins at n times the largest possible array, and must be mapped whole (ublk_ch_mmap).
    const stride = pageAlign(this.uapi.constant('UBLK_MAX_QUEUE_DEPTH') * this.#layout.descriptorSize);
    const base = this.uapi.constant('UBLKSRV_CMD_BUF_OFFSET');
    const length = pageAlign(options.info.depth * this.#layout.descriptorSize);
    this.#descriptors = new Mapping(this.char.fd, base + options.index * stride, length);
  }

  /** Fetches on all tags. UBLK_U_CMD_START_DEV waits until all queues have done this. */
  start(): void {
    const tags = Array.from({ length: this.#options.info.depth }, (_, tag) => tag);
    this.#tags = Promise.all(tags.map((tag) => this.#serve(tag)));
  }

  /** Resolves when the kernel has aborted the fetches of all tags, which it does when the device stops. */
  async ended(): Promise<void> {
    await this.#tags;
  }

  async #serve(tag: number): Promise<void> {
    const [ok, abort] = [this.uapi.constant('UBLK_IO_RES_OK'), this.uapi.constant('UBLK_IO_RES_ABORT')];
    try {
      const fetch = this.#commandSqe('UBLK_U_IO_FETCH_REQ', { q_id: this.#options.index, tag });
      let { res } = await this.pump.execute(fetch);
      while (res === ok) {
        const result = await this.#answer(tag);
        ({ res } = await this.pump.execute(this.commit({ tag }, result)));
      }
      if (res !== abort) throw new Error(`queue ${this.#options.index}, tag ${tag}: ${errnoName(-res)}`);
    } catch (error) {
      this.failures.push(error as Error);
    }
  }

  async #answer(tag: number): Promise<number> {
    const request = this.#layout.decode(this.#descriptors.view, this.#options.index, tag);
    this.served.requests++;
    this.served.bytes += request.length;
    this.#onFetch();
    try {
      const override = await this.#options.gate.pass(request);
      return override ?? (await this.#options.strategy(request, this));
    } catch (error) {
      this.failures.push(error as Error);
      return -this.uapi.constant('EIO');
    }
  }

  #commandSqe(name: string, values: Record<string, number>): PumpSqe {
    return {
      ...{ opcode: 'IORING_OP_URING_CMD', fd: this.char.fd, command: { struct: COMMAND, values } },
      more: { cmd_op: this.uapi.constant(name) },
    };
  }

  position(request: BlockRequest, offset = 0): number {
    return this.#layout.position(request, offset);
  }

  buffer({ tag }: BlockRequest): Memory {
    const memory = this.#buffers.get(tag) ?? new Memory(this.#options.info.maxIo);
    this.#buffers.set(tag, memory);
    return memory;
  }

  send(...sqes: readonly PumpSqe[]): Promise<Completion[]> {
    return this.pump.executeAll(...sqes);
  }

  provide({ queue, tag }: BlockRequest, more: Partial<PumpSqe> = {}): PumpSqe {
    const sqe = this.#commandSqe('UBLK_U_IO_PROVIDE_IO_BUF', { q_id: queue, tag });
    const flags = { uring_cmd_flags: this.uapi.constant('IORING_PROVIDE_GROUP_KBUF') };
    return { ...sqe, grouped: true, ...more, more: { ...sqe.more, ...flags, ...more.more } };
  }

  group(request: BlockRequest, ...members: readonly PumpSqe[]): Promise<Completion[]> {
    return this.send(...this.groupSqes(request, ...members));
  }

  /** The SQEs of `group`, for another ring than the queue's. */
  groupSqes(request: BlockRequest, ...members: readonly PumpSqe[]): PumpSqe[] {
    const last = members.length - 1;
    return [this.provide(request), ...members.map((member, index) => ({ ...member, grouped: index < last }))];
  }

  /** The SQE that commits a result, bytes or -errno, and fetches: it completes when the tag has its next request. */
  commit({ tag }: Pick<BlockRequest, 'tag'>, result: number): PumpSqe {
    return this.#commandSqe('UBLK_U_IO_COMMIT_AND_FETCH_REQ', { q_id: this.#options.index, tag, result });
  }

  /** Closes the ring and releases the memory. A device that is still live loses its server. */
  [Symbol.dispose](): void {
    this.pump.close();
    this.#descriptors.release();
    for (const memory of this.#buffers.values()) memory.release();
  }
}
