import { constants, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  type Device,
  File,
  Memory,
  mapRange,
  nvme,
  openRing,
  type Test,
  type TestRing,
} from '../lib/index.ts';

/** How the buffer is named: by its address, as a registered buffer, as one that is mapped for DMA beforehand. */
export type Naming = 'none' | 'bvec' | 'dma';

export interface Workload {
  /** The block device, or NVMe passthrough on the character device. */
  through: 'block' | 'passthrough';
  naming: Naming;
  kind: 'read' | 'write';
  bytes: number;
  depth: number;
}

/** The kernel's own scheduler would, with one CPU, move the dispatch of reads to a worker and hide its cost. */
function withoutScheduler(device: Device): void {
  const queue = `/sys/block/${basename(device.block)}/queue/scheduler`;
  writeFileSync(queue, 'none');
}

/** Buffers, one for each request: which pages run together would change the figures, so none do. */
function buffers(t: Test, { depth, bytes }: Workload): Memory[] {
  return Array.from({ length: depth }, () => t.use(new Memory(bytes, 'scattered')));
}

/** With a gap between any two, else the block layer would make one request of neighbours. */
const placeOf = (index: number, bytes: number) => 2 * index * bytes;

function queueBlock(ring: TestRing, memory: Memory, index: number, { naming, kind, bytes }: Workload): void {
  const fixed = naming !== 'none';
  ring.sqe({
    opcode: `IORING_OP_${kind.toUpperCase()}${fixed ? '_FIXED' : ''}`,
    fd: 0,
    flags: ['IOSQE_FIXED_FILE'],
    addr: memory.address,
    len: bytes,
    off: placeOf(index, bytes),
    ...(fixed ? { bufIndex: index } : {}),
  });
}

function queuePassthrough(
  ring: TestRing,
  device: Device,
  memory: Memory,
  index: number,
  load: Workload,
): void {
  const blocks = load.bytes / device.blockSize;
  ring.passthrough({
    fd: 0,
    flags: ['IOSQE_FIXED_FILE'],
    command: nvme.transfer(
      load.kind,
      device,
      { lba: placeOf(index, load.bytes) / device.blockSize, blocks },
      memory,
    ),
    ...(load.naming === 'none' ? {} : { bufIndex: index }),
  });
}

/** A workload with everything registered. `fill` fills the queue, `end` gives back what it holds. */
export interface Prepared {
  ring: TestRing;
  device: Device;
  fill(): void;
  end(): void;
}

/**
 * Reads one page. A search for free bounce buffers goes on where the one before ended, and costs by how far that is into a
 * segment of 128 (swiotlb_search_pool_area): with a page between the rounds, each begins at another offset, and the boots' all at the same ones.
 */
export function readPage(t: Test): void {
  using file = new File(t.device('data').block, constants.O_RDONLY | constants.O_DIRECT);
  using memory = new Memory(4096);
  t.equal(file.read(memory.bytes, 0), memory.length);
}

/** Puts a workload on a ring of its depth, and memory of its own. */
export function prepare(t: Test, load: Workload): Prepared {
  const device = t.device('data');
  withoutScheduler(device);
  const block = load.through === 'block';
  const flags = block ? constants.O_RDWR | constants.O_DIRECT : constants.O_RDWR;
  const file = t.use(new File(block ? device.block : device.char, flags));
  const ring = openRing(t, { shape: block ? 'plain' : 'big', entries: load.depth });
  const memory = buffers(t, load);
  ring.registerFiles([file.fd]);
  if (load.naming !== 'none') ring.registerBuffers(memory);
  const mapping = (opcode: string) => {
    if (load.naming === 'dma')
      ring.register(t.uapi.constant(opcode), mapRange(t.uapi, { end: load.depth }), 1);
  };
  mapping('IORING_REGISTER_MAP_BUFFERS');
  const fill = () =>
    memory.forEach((one, index) => {
      if (block) queueBlock(ring, one, index, load);
      else queuePassthrough(ring, device, one, index, load);
    });
  const end = () => {
    // At once, and not when the ring has been taken down: what may be mapped is limited.
    mapping('IORING_REGISTER_UNMAP_BUFFERS');
    ring.close();
    file.close();
    // Memory stays until the test's end, so that the next round's is elsewhere.
  };
  return { ring, device, fill, end };
}
