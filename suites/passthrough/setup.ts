import { constants } from 'node:fs';
import {
  type Cqe,
  type Device,
  File,
  ioMemory,
  type Memory,
  nvme,
  openRing,
  SkipError,
  type Test,
  type TestRing,
  type TestRingOptions,
} from '../lib/index.ts';

/** A namespace, its open character device and a ring; file and ring are closed at the end of the test. */
export interface Fixture {
  device: Device;
  char: File;
  ring: TestRing;
  /** Submits one transfer and waits for its CQE. */
  io(kind: 'read' | 'write' | 'compare', span: nvme.Span, memory: Memory): Promise<Cqe>;
}

/** Bytes that a transfer moves where its size does not matter. */
export const PAGE = 4096;
/** Open mode of the character devices. */
export const READ_WRITE = constants.O_RDWR;
/** Open mode of the block device: without the page cache, which does not see what passthrough writes. */
export const DIRECT = constants.O_RDWR | constants.O_DIRECT;

/** Opens the namespace with this role and a ring. Throws SkipError if the guest has no such namespace. */
export function setUp(t: Test, options: TestRingOptions = {}, role = 'data'): Fixture {
  const device = t.device(role);
  const char = t.use(new File(device.char, READ_WRITE));
  const ring = openRing(t, options);
  const io: Fixture['io'] = (kind, span, memory) =>
    ring.execute({ fd: char.fd, command: nvme.transfer(kind, device, span, memory) });
  return { device, char, ring, io };
}

/**
 * Waits for events without reaping any, until the CQ is full and further CQEs are on the overflow list. Returns the bit of
 * IORING_SQ_CQ_OVERFLOW.
 */
export function waitForOverflow(t: Test, ring: TestRing): number {
  const overflow = t.uapi.constant('IORING_SQ_CQ_OVERFLOW');
  const getEvents = t.uapi.constant('IORING_ENTER_GETEVENTS');
  while ((ring.indices().sqFlags & overflow) === 0) ring.enter(0, 16, getEvents, 5000);
  return overflow;
}

let nextBlock = 0;

/**
 * Blocks that no other test of this run has used, until the end of the namespace is reached. Then it starts over: tests run one
 * after another, so that blocks of earlier tests may be reused. Throws SkipError when the namespace has fewer blocks.
 */
export function allocateBlocks(device: Device, blocks: number): nvme.Span {
  // Whole pages: two spans must not share a page of the block device's page cache.
  const unit = device.blocksOf(PAGE);
  const rounded = Math.ceil(blocks / unit) * unit;
  if (rounded > device.blocks)
    throw new SkipError(`the namespace has ${device.blocks} blocks, the test needs ${rounded}`);
  if (nextBlock + rounded > device.blocks) nextBlock = 0;
  const lba = nextBlock;
  nextBlock += rounded;
  return { lba, blocks };
}

/** The contents of these blocks, read through the block device with O_DIRECT. Throws AssertionError on a short read. */
export function readBlockDevice(t: Test, device: Device, { lba, blocks }: nvme.Span): Uint8Array {
  using block = new File(device.block, DIRECT);
  const memory = ioMemory(t, blocks * device.blockSize);
  const bytesRead = block.read(memory.bytes, Number(lba) * device.blockSize);
  t.equal(bytesRead, memory.length, 'bytes read from the block device');
  return memory.bytes;
}

/** Writes all of `memory` from `lba` on, through the block device with O_DIRECT. Throws AssertionError on a short write. */
export function writeBlockDevice(t: Test, device: Device, { lba }: nvme.Span, memory: Memory): void {
  using block = new File(device.block, DIRECT);
  const bytesWritten = block.write(memory.bytes, Number(lba) * device.blockSize);
  t.equal(bytesWritten, memory.length, 'bytes written to the block device');
}
