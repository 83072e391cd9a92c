import { constants } from 'node:fs';
import {
  type Controller,
  type Cqe,
  Device,
  File,
  ioMemory,
  type Memory,
  mapRange,
  openRing,
  type Range,
  type Test,
  type TestRing,
  type TestRingOptions,
} from '../lib/index.ts';
import { Evidence } from './evidence.ts';
import { type Commands, type Strictness, Usage } from './usage.ts';

/** Size of a page, bytes. */
export const PAGE = 4096;
/** Flags of open(2) for a file that can have mappings. */
export const DIRECT = constants.O_RDWR | constants.O_DIRECT;

/** Base kernels do not have the opcode: the tests of this suite are skipped there. */
export const NEEDS = { devices: ['data'], uapi: ['IORING_REGISTER_MAP_BUFFERS'] };

/** One transfer: `length` bytes from `offset` in a registered buffer, `position` bytes from the start of the device. */
export interface Transfer {
  kind: 'read' | 'write';
  /** Slot of the buffer table; default 0. */
  buffer?: number;
  offset?: number;
  length: number;
  position: number;
  userData?: number;
  /** Slot of the file table; default 0. */
  fd?: number;
  /** Names of IOSQE_ flags besides IOSQE_FIXED_FILE. */
  flags?: readonly string[];
}

/** Memory to register: all of a mapping or a part of it. */
export type BufferRange = Pick<Memory, 'address' | 'length'>;

/** A ring with the block device in slot 0 of its file table and buffers in its buffer table; nothing is mapped yet. */
export class Fixture {
  readonly t: Test;
  readonly device: Device;
  readonly file: File;
  readonly ring: TestRing;
  readonly buffers: readonly BufferRange[];
  readonly evidence: Evidence;

  /** `role` of the namespace: default `data`. Throws SkipError if the guest has none, SyscallError if registering fails. */
  constructor(t: Test, buffers: readonly BufferRange[], options: TestRingOptions & { role?: string } = {}) {
    this.t = t;
    // Resolved for each fixture: a device that was removed and came back may have another name.
    this.device = new Device(t.device(options.role ?? 'data').info);
    this.file = t.use(new File(this.device.block, DIRECT));
    this.ring = openRing(t, { shape: 'plain', ...options });
    this.buffers = buffers;
    this.ring.registerFiles([this.file.fd]);
    if (buffers.length > 0) this.ring.registerBuffers(buffers);
    this.evidence = Evidence.of(t, this.device);
    t.defer(() => this.ring.close());
  }

  /** The device's first controller. Throws Error if it has none. */
  get controller(): Controller {
    const [controller] = this.device.controllers;
    if (!controller) throw new Error('the device has no controller');
    return controller;
  }

  #register(opcode: string, range: Partial<Range>): void {
    const { uapi } = this.t;
    const argument = mapRange(uapi, { end: this.buffers.length, ...range });
    this.ring.register(uapi.constant(opcode), argument, 1);
  }

  /** IORING_REGISTER_MAP_BUFFERS; default: all buffers, for file slot 0. Throws SyscallError. */
  map(range: Partial<Range> = {}): void {
    this.#register('IORING_REGISTER_MAP_BUFFERS', range);
  }

  /** IORING_REGISTER_UNMAP_BUFFERS; default: all buffers, for file slot 0. Throws SyscallError. */
  unmap(range: Partial<Range> = {}): void {
    this.#register('IORING_REGISTER_UNMAP_BUFFERS', range);
  }

  /** Writes the SQE of a transfer. Throws RangeError if there is no such buffer, or the transfer ends past its memory. */
  queue(transfer: Transfer): void {
    const { kind, buffer = 0, offset = 0, length, position, userData, fd = 0, flags = [] } = transfer;
    const memory = this.buffers[buffer];
    if (!memory) throw new RangeError(`no buffer ${buffer}`);
    this.ring.sqe({
      opcode: kind === 'read' ? 'IORING_OP_READ_FIXED' : 'IORING_OP_WRITE_FIXED',
      fd,
      flags: ['IOSQE_FIXED_FILE', ...flags],
      addr: memory.address + BigInt(offset),
      len: length,
      off: position,
      bufIndex: buffer,
      userData,
    });
  }

  /** Submits one transfer and waits for its CQE. Throws TimeoutError. */
  async io(transfer: Transfer): Promise<Cqe> {
    this.queue(transfer);
    const [cqe] = await this.ring.complete();
    if (!cqe) throw new Error('the ring returned no completion');
    return cqe;
  }

  /** Counts what I/O shows of a mapping, over several stretches. */
  usage(): Usage {
    return new Usage(this.t, this.device, this.evidence);
  }

  /** Runs `act`, nothing but I/O of a mapped buffer, and asserts that it used the mapping; see `Usage.expect`. */
  async onMapping<T>(
    commands: Commands,
    what: string,
    act: () => T | Promise<T>,
    strictness: Strictness = {},
  ): Promise<T> {
    const usage = this.usage();
    const result = await usage.count(act);
    usage.expect(commands, what, strictness);
    return result;
  }

  /** Runs `act`, nothing but I/O, and asserts that it used no mapping. */
  async offMapping<T>(what: string, act: () => T | Promise<T>): Promise<T> {
    const usage = this.usage();
    const result = await usage.count(act);
    usage.expectNone(what);
    return result;
  }

  /** Reads the medium through another file and memory that was never registered. */
  readMedium(position: number, length: number): Uint8Array {
    using file = new File(this.device.block, DIRECT);
    const memory = ioMemory(this.t, length);
    this.t.equal(file.read(memory.bytes, position), length, 'bytes read from the medium');
    const bytes = memory.bytes.slice();
    memory.release();
    return bytes;
  }

  /** Writes the medium through another file and memory that was never registered. */
  writeMedium(position: number, bytes: Uint8Array): void {
    using file = new File(this.device.block, DIRECT);
    const memory = ioMemory(this.t, bytes.length);
    memory.bytes.set(bytes);
    this.t.equal(file.write(memory.bytes, position), bytes.length, 'bytes written to the medium');
    memory.release();
  }
}

/** Number of NVMe commands that a transfer of `length` bytes takes on a device (its MDTS limit). */
export function commandCount({ info: { maxTransferBytes } }: Device, length: number): number {
  return maxTransferBytes === 0 ? 1 : Math.ceil(length / maxTransferBytes);
}

/** A fixture whose buffers are mapped, on a medium that begins with the bytes of `medium`. */
export function mappedFixture(t: Test, buffers: readonly BufferRange[], medium: Uint8Array): Fixture {
  const fixture = new Fixture(t, buffers);
  fixture.writeMedium(0, medium);
  fixture.map();
  return fixture;
}
