import { constants } from 'node:fs';
import {
  type Controller,
  type Cqe,
  Device,
  File,
  InjectedFault,
  ioMemory,
  type Memory,
  nvme,
  openRing,
  SkipError,
  type Test,
  type TestRing,
  type TestRingOptions,
} from '../lib/index.ts';
import { allPaths } from './paths.ts';

/** Bytes of a transfer whose size does not matter. */
export const PAGE = 4096;
/** How the character devices are opened. */
export const READ_WRITE = constants.O_RDWR;
/** How the block devices are opened: past the page cache. */
export const DIRECT = constants.O_RDWR | constants.O_DIRECT;

/** Role of the namespace with two paths and no metadata. */
export const SHARED = 'shared';
/** Role of the namespace with two paths, 8 bytes of metadata in each block and protection type 1. */
export const WITH_METADATA = 'shared-pi';

/** A ring and the character device of a multipath head, both of whose paths are live. */
export interface Fixture {
  device: Device;
  char: File;
  ring: TestRing;
  /** The controllers that lead to the namespace, in the order of the cell file. */
  paths: readonly [Controller, Controller];
  /** One passthrough transfer through the head from submission to completion. */
  io(kind: 'read' | 'write' | 'compare', where: nvme.Span, memory: Memory): Promise<Cqe>;
}

/** Opens the namespace of a role; its files are closed at the test's end. Skips when it has fewer than two paths. */
export async function openFixture(t: Test, role = SHARED, options: TestRingOptions = {}): Promise<Fixture> {
  // Looked up anew: a head that was removed and created again may have another name.
  const device = new Device(t.device(role).info);
  const paths = await allPaths(t, device);
  const char = t.use(new File(device.char, READ_WRITE));
  const ring = openRing(t, options);
  const io: Fixture['io'] = (kind, where, memory) =>
    ring.execute({ fd: char.fd, command: nvme.transfer(kind, device, where, memory) });
  return { device, char, ring, paths, io };
}

/** Gives the first completion of each path this status. */
export function failOnce(t: Test, { device, paths }: Fixture, status: number): InjectedFault[] {
  return paths.map((path) => t.use(new InjectedFault(device.pathName(path), { status, times: 1 })));
}

/**
 * Does `work` once for each path, while all completions of that path have `status` and the other path works. Which path the
 * kernel chooses first is not defined; throws AssertionError when neither round met the fault.
 */
export async function eachPathFaulty(
  t: Test,
  { device, paths }: Fixture,
  status: number,
  work: (path: Controller) => Promise<void>,
): Promise<void> {
  const times = 1000;
  let hits = 0;
  for (const path of paths) {
    using fault = new InjectedFault(device.pathName(path), { status, times });
    await work(path);
    hits += times - fault.left;
  }
  t.ok(hits > 0, 'at least one command meets the injected fault');
}

let nextBlock = 0;

/** A span that starts on a page boundary and that no earlier test has used, until the namespace is used up. */
export function allocateSpan(device: Device, blocks: number): nvme.Span {
  const blocksPerPage = device.blocksOf(PAGE);
  const allocated = Math.ceil(blocks / blocksPerPage) * blocksPerPage;
  if (allocated > device.blocks)
    throw new SkipError(`the namespace has ${device.blocks} blocks, the test needs ${allocated}`);
  if (nextBlock + allocated > device.blocks) nextBlock = 0;
  const lba = nextBlock;
  nextBlock += allocated;
  return { lba, blocks };
}

/** Reads a span from the medium through the block device, past the page cache. */
export function onMedium(t: Test, device: Device, { lba, blocks }: nvme.Span): Uint8Array {
  using block = new File(device.block, DIRECT);
  const memory = ioMemory(t, blocks * device.blockSize);
  const position = Number(lba) * device.blockSize;
  t.equal(block.read(memory.bytes, position), memory.length, 'bytes read from the block device');
  return memory.bytes;
}

/** Writes all of `memory` to the medium through the block device, from the span's first block on. */
export function putOnMedium(t: Test, device: Device, { lba }: nvme.Span, memory: Memory): void {
  using block = new File(device.block, DIRECT);
  const written = block.write(memory.bytes, Number(lba) * device.blockSize);
  t.equal(written, memory.length, 'bytes written to the block device');
}

/** The `index`-th part of a span, of the blocks of a page, and the offset of its data in a buffer for all of them. */
export function pageOf(
  device: Device,
  { lba }: Pick<nvme.Span, 'lba'>,
  index: number,
): [nvme.Span, { offset: number }] {
  const blocks = device.blocksOf(PAGE);
  return [{ lba: Number(lba) + index * blocks, blocks }, { offset: index * blocks * device.blockSize }];
}

/** Submits reads of a page each that cover a span, tagged from 0 in the order of their blocks. */
export function submitReads({ device, char, ring }: Fixture, where: nvme.Span, target: Memory): void {
  for (let index = 0; index < where.blocks / device.blocksOf(PAGE); index++) {
    const [part, place] = pageOf(device, where, index);
    const command = nvme.transfer('read', device, part, target, place);
    ring.passthrough({ fd: char.fd, command, userData: index });
  }
  ring.submit();
}

/** Tags and results, `[tag, res]`, in order of tags. */
export function resultsByTag(cqes: readonly Cqe[]): [tag: number, res: number][] {
  return cqes.map(({ tag, res }): [number, number] => [tag, res]).sort(([a], [b]) => a - b);
}

/** What `resultsByTag` gives for `count` commands that all succeed. */
export function allSucceeded(count: number): [tag: number, res: number][] {
  return Array.from({ length: count }, (_, index): [number, number] => [index, 0]);
}
