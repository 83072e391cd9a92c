import { type Cqe, type MemoryRange, Ring, type RingOptions } from '../binding/index.ts';
import { iovecs } from './iovec.ts';
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

/** How a TestRing is set up. */
export interface TestRingOptions {
  /** Default `big`. */
  shape?: Shape;
  /** SQ entries; default 64. */
  entries?: number;
  /** CQ entries; sets IORING_SETUP_CQSIZE. */
  cqEntries?: number;
  /** Names of further IORING_SETUP_ flags. */
  flags?: readonly string[];
}

/** The binding's options for a ring, its flags resolved by name. Throws SkipError when the kernel does not have a flag. */
export function ringOptions(uapi: UapiTable, options: TestRingOptions = {}): RingOptions {
  const { shape = 'big', entries = 64, cqEntries, flags = [] } = options;
  const sized = cqEntries === undefined ? [] : ['IORING_SETUP_CQSIZE'];
  return { entries, cqEntries, flags: uapi.bits(...SHAPE_FLAGS[shape], ...sized, ...flags) };
}

/**
 * A ring whose opcodes and flags are named as in the headers of the kernel under test. All methods throw SkipError for a name that the
 * kernel does not have, and SyscallError when a call fails.
 */
export class TestRing extends Ring {
  readonly #uapi: UapiTable;

  constructor(uapi: UapiTable, options: TestRingOptions = {}) {
    super(ringOptions(uapi, options));
    this.#uapi = uapi;
  }

  /** Writes the next SQE and returns its bytes, which a test may overwrite. Throws RangeError as `writeSqe`, and when the queue is full. */
  sqe(fields: SqeFields): DataView {
    return this.fill((view) => writeSqe(view, this.#uapi, fields));
  }

  /** Writes the next SQE as an NVMe passthrough command. Throws RangeError as `writePassthrough`, and when the queue is full. */
  passthrough(pass: Passthrough): DataView {
    return this.fill((view) => writePassthrough(view, this.#uapi, pass));
  }

  /** Calls `write` for a zeroed SQE, which becomes the next one. If `write` throws, the ring is as before: no slot is taken. */
  fill(write: (view: DataView) => void): DataView {
    const copy = new Uint8Array(this.sqeSize);
    write(new DataView(copy.buffer));
    const view = this.nextSqe();
    new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(copy);
    return view;
  }

  /**
   * Submits all SQEs that were written and waits for one completion each, sorted by `tag`. Throws TimeoutError (default 10 s).
   */
  async complete(options?: { timeoutMs?: number }): Promise<Cqe[]> {
    const cqes = await this.wait(this.submit(), options);
    return cqes.sort((a, b) => a.tag - b.tag);
  }

  /** Executes one NVMe command and returns its completion. Throws TimeoutError. */
  async execute(pass: Passthrough, options?: { timeoutMs?: number }): Promise<Cqe> {
    this.passthrough(pass);
    return this.#only(await this.complete(options));
  }

  /** Executes one request and returns its completion. Throws TimeoutError. */
  async run(fields: SqeFields, options?: { timeoutMs?: number }): Promise<Cqe> {
    this.sqe(fields);
    return this.#only(await this.complete(options));
  }

  #only(cqes: Cqe[]): Cqe {
    const [cqe] = cqes;
    if (!cqe || cqes.length > 1) throw new Error(`expected one completion, got ${cqes.length}`);
    return cqe;
  }

  /** IORING_REGISTER_BUFFERS: slot i is `memory[i]`. Throws RangeError as `iovecs` does. */
  registerBuffers(memory: readonly MemoryRange[]): void {
    using list = iovecs(memory);
    this.register(this.#uapi.constant('IORING_REGISTER_BUFFERS'), list.bytes, memory.length);
  }

  /** IORING_REGISTER_FILES: slot i is `fds[i]`. */
  registerFiles(fds: readonly number[]): void {
    const bytes = new Uint8Array(Int32Array.from(fds).buffer);
    this.register(this.#uapi.constant('IORING_REGISTER_FILES'), bytes, fds.length);
  }
}

const ringsOfTests = new WeakMap<Test, TestRing[]>();

/** Opens a ring that is closed at the test's end. */
export function openRing(t: Test, options: TestRingOptions = {}): TestRing {
  const ring = t.use(new TestRing(t.uapi, options));
  ringsOfTests.set(t, [...ringsOf(t), ring]);
  return ring;
}

/** The rings that `openRing` has opened for a test, closed ones included. */
export const ringsOf = (t: Test): readonly TestRing[] => ringsOfTests.get(t) ?? [];
