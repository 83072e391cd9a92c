import { type Cqe, Memory, Ring, type RingOptions } from '../binding/index.ts';
import { type Passthrough, type SqeFields, writePassthrough, writeSqe } from './sqe.ts';
import type { Test } from './test.ts';
import type { UapiTable } from './uapi.ts';

/** The four ring shapes: `big` has 128-byte SQEs and 32-byte CQEs. */
export type Shape = 'big' | 'sqe128' | 'cqe32' | 'plain';

const SHAPE_FLAGS: Record<Shape, string[]> = {
  big: ['IORING_SETUP_SQE128', 'IORING_SETUP_CQE32'],
  sqe128: ['IORING_SETUP_SQE128'],
  cqe32: ['IORING_SETUP_CQE32'],
  plain: [],
};

export interface TestRingOptions {
  /** Default `big`. */
  shape?: Shape;
  /** SQ entries, default 64. */
  entries?: number;
  /** CQ entries; sets IORING_SETUP_CQSIZE. */
  cqEntries?: number;
  /** Further IORING_SETUP_ flags by name. */
  flags?: readonly string[];
}

/** Set-up parameters from names. */
export function ringOptions(uapi: UapiTable, options: TestRingOptions = {}): RingOptions {
  const { shape = 'big', entries = 64, cqEntries, flags = [] } = options;
  const sized = cqEntries === undefined ? [] : ['IORING_SETUP_CQSIZE'];
  return { entries, cqEntries, flags: uapi.bits(...SHAPE_FLAGS[shape], ...sized, ...flags) };
}

/** A ring that speaks the names of the kernel under test. */
export class TestRing extends Ring {
  readonly #uapi: UapiTable;

  constructor(uapi: UapiTable, options: TestRingOptions = {}) {
    super(ringOptions(uapi, options));
    this.#uapi = uapi;
  }

  /** Writes the next SQE and returns its bytes, should a test want to spoil them. */
  sqe(fields: SqeFields): DataView {
    const view = this.nextSqe();
    writeSqe(view, this.#uapi, fields);
    return view;
  }

  /** Writes the next SQE as an NVMe passthrough command. */
  passthrough(pass: Passthrough): DataView {
    const view = this.nextSqe();
    writePassthrough(view, this.#uapi, pass);
    return view;
  }

  /** Submits what was written and waits for one completion of each SQE, in order of `tag`. */
  async complete(options?: { timeoutMs?: number }): Promise<Cqe[]> {
    const cqes = await this.wait(this.submit(), options);
    return cqes.sort((a, b) => a.tag - b.tag);
  }

  /** One NVMe command from submission to completion. */
  async execute(pass: Passthrough, options?: { timeoutMs?: number }): Promise<Cqe> {
    this.passthrough(pass);
    return this.#one(await this.complete(options));
  }

  /** One plain request from submission to completion. */
  async run(fields: SqeFields, options?: { timeoutMs?: number }): Promise<Cqe> {
    this.sqe(fields);
    return this.#one(await this.complete(options));
  }

  #one(cqes: Cqe[]): Cqe {
    const [cqe] = cqes;
    if (!cqe || cqes.length > 1) throw new Error(`expected one completion, got ${cqes.length}`);
    return cqe;
  }

  /** IORING_REGISTER_BUFFERS: slot i is `memory[i]`. */
  registerBuffers(memory: readonly Pick<Memory, 'address' | 'length'>[]): void {
    const list = iovecs(memory.map(({ address, length }) => ({ address, length })));
    this.register(this.#uapi.constant('IORING_REGISTER_BUFFERS'), list.bytes, memory.length);
    list.release();
  }

  /** IORING_REGISTER_FILES: slot i is `fds[i]`. */
  registerFiles(fds: readonly number[]): void {
    const bytes = new Uint8Array(Int32Array.from(fds).buffer);
    this.register(this.#uapi.constant('IORING_REGISTER_FILES'), bytes, fds.length);
  }
}

/** A struct iovec array in memory of its own: for vectored commands and for registering. */
export function iovecs(parts: readonly { address: bigint; length: number }[]): Memory {
  const memory = new Memory(parts.length * 16);
  parts.forEach(({ address, length }, index) => {
    memory.view.setBigUint64(index * 16, address, true);
    memory.view.setBigUint64(index * 16 + 8, BigInt(length), true);
  });
  return memory;
}

/** A ring that is closed at the test's end. */
export function openRing(t: Test, options: TestRingOptions = {}): TestRing {
  return t.use(new TestRing(t.uapi, options));
}
