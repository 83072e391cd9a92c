import { constants } from 'node:fs';
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

/** Puts a workload on a ring of its depth, and memory of its own. */
export function prepare(t: Test, load: Workload): Prepared {
  const device = t.device('data');
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
