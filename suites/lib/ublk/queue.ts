import { errnoName } from '../../binding/index.ts';
import { type File, Mapping, Memory, type UapiTable } from '../index.ts';
import type { DeviceInfo } from './control.ts';
import type { Gate } from './gate.ts';
import { type Answered, Pump, type PumpSqe } from './pump.ts';
import { type BlockRequest, RequestLayout } from './request.ts';

const COMMAND = 'ublksrv_io_cmd';
const PAGE = 4096;
const pages = (bytes: number) => Math.ceil(bytes / PAGE) * PAGE;

/** What a strategy answers requests with: the ring of the request's queue and what belongs to it. */
export interface Port {
  readonly uapi: UapiTable;
  /** /dev/ublkcN. */
  readonly char: File;
  /** Where in `char` a request's data is (UBLK_F_USER_COPY); `offset` bytes into it. */
  position(request: BlockRequest, offset?: number): number;
  /** The server's own memory for a request's data: one for each tag, as large as a request can be. */
  buffer(request: BlockRequest): Memory;
  /** Puts SQEs on the queue's ring, in this order and together, until all have completed. */
  send(...sqes: readonly PumpSqe[]): Promise<Answered[]>;
  /** The leader that lends a request's pages to the members of its group (UBLK_U_IO_PROVIDE_IO_BUF); it begins a group. */
  provide(request: BlockRequest, more?: Partial<PumpSqe>): PumpSqe;
  /** A leader that provides, and members whose `addr` is an offset into the request; all completions, the leader's first. */
  group(request: BlockRequest, ...members: readonly PumpSqe[]): Promise<Answered[]>;
}

/** Answers one request: what is committed for it, bytes or -errno. What it throws is -EIO, and fails the server's disposal. */
export type Strategy = (request: BlockRequest, port: Port) => number | Promise<number>;

export interface QueueOptions {
  uapi: UapiTable;
  char: File;
  info: DeviceInfo;
  index: number;
  strategy: Strategy;
  gate: Gate;
  /** SQ entries. */
  entries: number;
}

/**
 * One queue of a device: fetches requests, has them answered and commits the results (Documentation/block/ublk.rst, "Data
 * plane"). All its commands come from the thread of the event loop, as the driver demands.
 */
export class Queue implements Port, Disposable {
  readonly uapi: UapiTable;
  readonly char: File;
  readonly pump: Pump;
  /** What went wrong in the server itself. */
  readonly failures: Error[] = [];
  /** Requests answered, and their bytes. */
  readonly served = { requests: 0, bytes: 0 };
  readonly #options: QueueOptions;
  readonly #layout: RequestLayout;
  readonly #descriptors: Mapping;
  readonly #buffers = new Map<number, Memory>();
  #slots: Promise<unknown> = Promise.resolve();

  constructor(options: QueueOptions) {
    this.#options = options;
    this.uapi = options.uapi;
    this.char = options.char;
    this.#layout = new RequestLayout(this.uapi);
    this.pump = new Pump(this.uapi, { entries: options.entries });
    // Arrays begin at multiples of the largest one possible, and have to be mapped whole (ublk_ch_mmap).
    const room = pages(this.uapi.constant('UBLK_MAX_QUEUE_DEPTH') * this.#layout.descriptorSize);
    const base = this.uapi.constant('UBLKSRV_CMD_BUF_OFFSET');
    const length = pages(options.info.depth * this.#layout.descriptorSize);
    this.#descriptors = new Mapping(this.char.fd, base + options.index * room, length);
  }

  /** Fetches on all tags. The device can be started when all queues have done this and the loop has turned once. */
  start(): void {
    const tags = Array.from({ length: this.#options.info.depth }, (_, tag) => tag);
    this.#slots = Promise.all(tags.map((tag) => this.#serve(tag)));
  }

  /** Ends when the kernel has taken all tags back: after the device was stopped. */
  async ended(): Promise<void> {
    await this.#slots;
  }

  async #serve(tag: number): Promise<void> {
    const [ok, abort] = [this.uapi.constant('UBLK_IO_RES_OK'), this.uapi.constant('UBLK_IO_RES_ABORT')];
    try {
      const fetch = this.#sqe('UBLK_U_IO_FETCH_REQ', { q_id: this.#options.index, tag });
      let { res } = await this.pump.one(fetch);
      while (res === ok) {
        const result = await this.#answer(tag);
        ({ res } = await this.pump.one(this.commit({ tag }, result)));
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
    try {
      const instead = await this.#options.gate.pass(request);
      return instead ?? (await this.#options.strategy(request, this));
    } catch (error) {
      this.failures.push(error as Error);
      return -this.uapi.constant('EIO');
    }
  }

  #sqe(name: string, values: Record<string, number>): PumpSqe {
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

  send(...sqes: readonly PumpSqe[]): Promise<Answered[]> {
    return this.pump.all(...sqes);
  }

  provide({ queue, tag }: BlockRequest, more: Partial<PumpSqe> = {}): PumpSqe {
    const sqe = this.#sqe('UBLK_U_IO_PROVIDE_IO_BUF', { q_id: queue, tag });
    const flags = { uring_cmd_flags: this.uapi.constant('IORING_PROVIDE_GROUP_KBUF') };
    return { ...sqe, grouped: true, ...more, more: { ...sqe.more, ...flags, ...more.more } };
  }

  group(request: BlockRequest, ...members: readonly PumpSqe[]): Promise<Answered[]> {
    return this.send(...this.lending(request, ...members));
  }

  /** The SQEs of such a group. */
  lending(request: BlockRequest, ...members: readonly PumpSqe[]): PumpSqe[] {
    const last = members.length - 1;
    return [this.provide(request), ...members.map((member, index) => ({ ...member, grouped: index < last }))];
  }

  /** Ends a request with this result, bytes or -errno; completes with the tag's next one. */
  commit({ tag }: Pick<BlockRequest, 'tag'>, result: number): PumpSqe {
    return this.#sqe('UBLK_U_IO_COMMIT_AND_FETCH_REQ', { q_id: this.#options.index, tag, result });
  }

  /** Takes ring and memory away; a device that is not stopped yet loses its server. */
  [Symbol.dispose](): void {
    this.pump.close();
    this.#descriptors.release();
    for (const memory of this.#buffers.values()) memory.release();
  }
}
