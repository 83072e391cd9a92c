import { constants } from 'node:fs';
import {
  type Cqe,
  type Device,
  File,
  ioMemory,
  type Memory,
  nvme,
  openRing,
  type Test,
  type TestRing,
  type TestRingOptions,
} from '../lib/index.ts';

/** A ring and the character device of a namespace (`data` unless another is asked for), both closed at the test's end. */
export interface Bench {
  device: Device;
  char: File;
  ring: TestRing;
  /** One transfer from submission to completion. */
  io(kind: 'read' | 'write' | 'compare', where: nvme.Span, memory: Memory): Promise<Cqe>;
}

export const READ_WRITE = constants.O_RDWR;
export const DIRECT = constants.O_RDWR | constants.O_DIRECT;

export function setUp(t: Test, options: TestRingOptions = {}, role = 'data'): Bench {
  const device = t.device(role);
  const char = t.use(new File(device.char, READ_WRITE));
  const ring = openRing(t, options);
  const io: Bench['io'] = (kind, where, memory) =>
    ring.execute({ fd: char.fd, command: nvme.transfer(kind, device, where, memory) });
  return { device, char, ring, io };
}

/** Takes completions without reaping, so that the ring stays full and the rest goes to the overflow list. Gives that flag's bit. */
export function untilOverflown(t: Test, ring: TestRing): number {
  const overflown = t.uapi.constant('IORING_SQ_CQ_OVERFLOW');
  const getEvents = t.uapi.constant('IORING_ENTER_GETEVENTS');
  while ((ring.indices().sqFlags & overflown) === 0) ring.enter(0, 16, getEvents, 5000);
  return overflown;
}

let nextBlock = 0;

/** Blocks that no other test of this run uses. Tests come one after another, so the disk need not be big. */
export function area(device: Device, blocks: number): nvme.Span {
  // Whole pages: the block device's page cache must not cover two areas at once.
  const unit = Math.max(1, 4096 / device.blockSize);
  const taken = Math.ceil(blocks / unit) * unit;
  if (nextBlock + taken > device.blocks) nextBlock = 0;
  const lba = nextBlock;
  nextBlock += taken;
  return { lba, blocks };
}

/** What lies on the medium, read past the page cache through the block device. */
export function onMedium(t: Test, device: Device, { lba, blocks }: nvme.Span): Uint8Array {
  using block = new File(device.block, DIRECT);
  const memory = ioMemory(t, blocks * device.blockSize);
  t.equal(
    block.read(memory.bytes, Number(lba) * device.blockSize),
    memory.length,
    'short read of the block device',
  );
  return memory.bytes;
}

/** Puts bytes on the medium through the block device. */
export function putOnMedium(t: Test, device: Device, { lba }: nvme.Span, memory: Memory): void {
  using block = new File(device.block, DIRECT);
  const written = block.write(memory.bytes, Number(lba) * device.blockSize);
  t.equal(written, memory.length, 'short write to the block device');
}
