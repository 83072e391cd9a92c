import { constants } from 'node:fs';
import {
  type Cqe,
  Device,
  File,
  type Held,
  held,
  ioMemory,
  type Memory,
  mapRange,
  openRing,
  type Range,
  type Test,
  type TestRing,
  type TestRingOptions,
} from '../lib/index.ts';

export const PAGE = 4096;
export const DIRECT = constants.O_RDWR | constants.O_DIRECT;

/** What base kernels do not have; the tests of this suite are skipped there. */
export const NEEDS = { devices: ['data'], uapi: ['IORING_REGISTER_MAP_BUFFERS'] };

/** One transfer: `length` bytes from `offset` in a registered buffer, `position` bytes from the start of the device. */
export interface Transfer {
  kind: 'read' | 'write';
  buffer?: number;
  offset?: number;
  length: number;
  position: number;
  userData?: number;
  /** Slot of the file table. */
  fd?: number;
}

/** Memory to register: all of a mapping, or part of one. */
export type Part = Pick<Memory, 'address' | 'length'>;

/** A ring with the block device in slot 0 of its file table and buffers in its buffer table; nothing is mapped yet. */
export class Bench {
  readonly t: Test;
  readonly device: Device;
  readonly file: File;
  readonly ring: TestRing;
  readonly buffers: readonly Part[];

  constructor(t: Test, buffers: readonly Part[], options: TestRingOptions & { role?: string } = {}) {
    this.t = t;
    // Looked up anew: one that was gone and came back may have another name.
    this.device = new Device(t.device(options.role ?? 'data').info);
    this.file = t.use(new File(this.device.block, DIRECT));
    this.ring = openRing(t, { shape: 'plain', ...options });
    this.buffers = buffers;
    this.ring.registerFiles([this.file.fd]);
    if (buffers.length > 0) this.ring.registerBuffers(buffers);
    const before = this.held.bytes;
    // Every test is one of what is given back. A ring goes away in a worker of the kernel's.
    t.defer(async () => {
      this.ring.close();
      await this.until(({ bytes }) => bytes <= before);
    });
  }

  /** Looks at what is mapped until it is as wanted, or the test's time is over. */
  async until(wanted: (held: Held) => boolean): Promise<void> {
    while (!this.t.signal.aborted && !wanted(this.held)) await new Promise((go) => setImmediate(go));
  }

  #range(opcode: string, range: Partial<Range>): void {
    const { uapi } = this.t;
    const bytes = mapRange(uapi, { end: this.buffers.length, ...range });
    this.ring.register(uapi.constant(opcode), bytes, 1);
  }

  /** IORING_REGISTER_MAP_BUFFERS: all buffers for slot 0 unless another range is given. Throws SyscallError. */
  map(range: Partial<Range> = {}): void {
    this.#range('IORING_REGISTER_MAP_BUFFERS', range);
  }

  unmap(range: Partial<Range> = {}): void {
    this.#range('IORING_REGISTER_UNMAP_BUFFERS', range);
  }

  /** Writes the SQE of a transfer. */
  queue(transfer: Transfer): void {
    const { kind, buffer = 0, offset = 0, length, position, userData, fd = 0 } = transfer;
    const memory = this.buffers[buffer];
    if (!memory) throw new RangeError(`no buffer ${buffer}`);
    this.ring.sqe({
      opcode: kind === 'read' ? 'IORING_OP_READ_FIXED' : 'IORING_OP_WRITE_FIXED',
      fd,
      flags: ['IOSQE_FIXED_FILE'],
      addr: memory.address + BigInt(offset),
      len: length,
      off: position,
      bufIndex: buffer,
      userData,
    });
  }

  /** One transfer from submission to completion. */
  async io(transfer: Transfer): Promise<Cqe> {
    this.queue(transfer);
    const [cqe] = await this.ring.complete();
    if (!cqe) throw new Error('no completion');
    return cqe;
  }

  get held(): Held {
    return held(this.device);
  }

  /** Runs `act` and returns how many commands it made the driver run on mapped memory. */
  async used(act: () => Promise<unknown>): Promise<number> {
    const before = this.held.used;
    await act();
    return this.held.used - before;
  }

  /** What is on the medium: another file, memory that was never registered. */
  onMedium(position: number, length: number): Uint8Array {
    using file = new File(this.device.block, DIRECT);
    const memory = ioMemory(this.t, length);
    this.t.equal(file.read(memory.bytes, position), length, 'short read of the block device');
    const bytes = memory.bytes.slice();
    memory.release();
    return bytes;
  }

  /** Puts bytes on the medium, the same way. */
  putOnMedium(position: number, bytes: Uint8Array): void {
    using file = new File(this.device.block, DIRECT);
    const memory = ioMemory(this.t, bytes.length);
    memory.bytes.set(bytes);
    this.t.equal(file.write(memory.bytes, position), bytes.length, 'short write to the block device');
    memory.release();
  }
}

/** How many commands a transfer takes. */
export function commandsOf({ info: { maxTransferBytes } }: Device, length: number): number {
  return maxTransferBytes === 0 ? 1 : Math.ceil(length / maxTransferBytes);
}

/** A bench whose buffers are mapped, and a device that begins with these bytes. */
export function mappedOver(t: Test, buffers: readonly Part[], medium: Uint8Array): Bench {
  const bench = new Bench(t, buffers);
  bench.putOnMedium(0, medium);
  bench.map();
  return bench;
}
