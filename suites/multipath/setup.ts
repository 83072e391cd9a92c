import { constants } from 'node:fs';
import {
  type Controller,
  type Cqe,
  Device,
  File,
  InjectedFault,
  ioMemory,
  type Memory,
  type NvmeCommand,
  nvme,
  openRing,
  type Test,
  type TestRing,
  type TestRingOptions,
} from '../lib/index.ts';
import { allPaths } from './paths.ts';

export const READ_WRITE = constants.O_RDWR;
export const DIRECT = constants.O_RDWR | constants.O_DIRECT;

export const SHARED = 'shared';
/** The namespace with 8 bytes of metadata a block, protection type 1. */
export const WITH_METADATA = 'shared-pi';

/** A ring, and the character device of a multipath head with both of its paths up. */
export interface Bench {
  device: Device;
  char: File;
  ring: TestRing;
  /** The controllers that lead to it, in the order of the cell file. */
  paths: readonly [Controller, Controller];
  /** One transfer from submission to completion. */
  io(kind: 'read' | 'write' | 'compare', where: nvme.Span, memory: Memory): Promise<Cqe>;
}

export async function setUp(t: Test, role = SHARED, options: TestRingOptions = {}): Promise<Bench> {
  // Looked up anew: a head that was gone and came back may have another name.
  const device = new Device(t.device(role).info);
  const paths = await allPaths(t, device);
  const char = t.use(new File(device.char, READ_WRITE));
  const ring = openRing(t, options);
  const io: Bench['io'] = (kind, where, memory) =>
    ring.execute({ fd: char.fd, command: nvme.transfer(kind, device, where, memory) });
  return { device, char, ring, paths, io };
}

/** Path errors on every path, one after the other: the first completion of each fails. */
export function failOnce(t: Test, { device, paths }: Bench, status: number): InjectedFault[] {
  return paths.map((path) => t.use(new InjectedFault(device.pathName(path), { status, times: 1 })));
}

/**
 * Does `work` once for each path with all completions of that path failing and none of the other's. Which path the
 * kernel takes first is its own matter, but one of the rounds must have met the fault.
 */
export async function eachPathFaulty(
  t: Test,
  { device, paths }: Bench,
  status: number,
  work: (path: Controller) => Promise<void>,
): Promise<void> {
  const times = 1000;
  let met = 0;
  for (const path of paths) {
    using fault = new InjectedFault(device.pathName(path), { status, times });
    await work(path);
    met += times - fault.left;
  }
  t.ok(met > 0, 'no command met the injected fault');
}

export interface WithMetadata {
  data: Memory;
  metadata: Memory;
  command: NvmeCommand;
}

/** A transfer with a metadata buffer. PRACT 0, no checks: the metadata goes to the medium and back as it is. */
export function withMetadata(
  t: Test,
  { device }: Bench,
  kind: 'read' | 'write',
  where: nvme.Span,
  seed: number,
): WithMetadata {
  const data = ioMemory(t, where.blocks * device.blockSize, seed);
  const metadata = ioMemory(t, where.blocks * device.info.metadataBytes, seed + 1);
  return { data, metadata, command: nvme.transfer(kind, device, where, data, { metadata }) };
}

let nextBlock = 0;

/** Blocks that no other test of this run uses; tests come one after another. */
export function area(device: Device, blocks: number): nvme.Span {
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
  const position = Number(lba) * device.blockSize;
  t.equal(block.read(memory.bytes, position), memory.length, 'short read of the block device');
  return memory.bytes;
}

/** Puts bytes on the medium through the block device. */
export function putOnMedium(t: Test, device: Device, { lba }: nvme.Span, memory: Memory): void {
  using block = new File(device.block, DIRECT);
  const written = block.write(memory.bytes, Number(lba) * device.blockSize);
  t.equal(written, memory.length, 'short write to the block device');
}

/** Submits reads of 8 blocks each that cover an area; `userData` is their place. */
export function submitReads({ device, char, ring }: Bench, { lba, blocks }: nvme.Span, target: Memory): void {
  for (let index = 0; index < blocks / 8; index++) {
    const part = { lba: Number(lba) + index * 8, blocks: 8 };
    const command = nvme.transfer('read', device, part, target, { offset: index * 8 * device.blockSize });
    ring.passthrough({ fd: char.fd, command, userData: index });
  }
  ring.submit();
}
