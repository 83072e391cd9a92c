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
import type { LoadedRing } from './turns.ts';

/** How requests name their buffer: by address, as a registered buffer, or as a pre-mapped buffer (kernels/series/dma-premap). */
export type BufferKind = 'none' | 'bvec' | 'dma';

/** A kind of I/O on the drive that is measured. */
export interface Workload {
  /** The block device, or NVMe passthrough on the character device. */
  route: 'block' | 'passthrough';
  buffer: BufferKind;
  kind: 'read' | 'write';
  /** Length of a request. */
  bytes: number;
  depth: number;
}

/** One buffer for each request. Physically contiguous pages would change the costs from boot to boot, so none are. */
function allocateBuffers(t: Test, { depth, bytes }: Workload): Memory[] {
  return Array.from({ length: depth }, () => t.use(new Memory(bytes, 'scattered')));
}

/** Offset of a request on the drive. The gaps keep the block layer from merging adjacent requests. */
const offsetOf = (index: number, bytes: number) => 2 * index * bytes;

function queueBlock(ring: TestRing, memory: Memory, index: number, { buffer, kind, bytes }: Workload): void {
  const fixed = buffer !== 'none';
  ring.sqe({
    opcode: `IORING_OP_${kind.toUpperCase()}${fixed ? '_FIXED' : ''}`,
    fd: 0,
    flags: ['IOSQE_FIXED_FILE'],
    addr: memory.address,
    len: bytes,
    off: offsetOf(index, bytes),
    ...(fixed ? { bufIndex: index } : {}),
  });
}

function queuePassthrough(
  ring: TestRing,
  device: Device,
  memory: Memory,
  index: number,
  workload: Workload,
): void {
  const blocks = workload.bytes / device.blockSize;
  ring.passthrough({
    fd: 0,
    flags: ['IOSQE_FIXED_FILE'],
    command: nvme.transfer(
      workload.kind,
      device,
      { lba: offsetOf(index, workload.bytes) / device.blockSize, blocks },
      memory,
    ),
    ...(workload.buffer === 'none' ? {} : { bufIndex: index }),
  });
}

/** A ring with the workload's file and buffers registered; its queue is full after `fill`. */
export interface PreparedRing extends Pick<LoadedRing, 'ring' | 'release'> {
  device: Device;
  /** Queues all requests of the workload without submitting them. */
  fill(): void;
}

/** Opens a ring of the workload's depth with new buffers. Throws SkipError without the device or the kernel's names. */
export function prepare(t: Test, workload: Workload): PreparedRing {
  const device = t.device('data');
  const block = workload.route === 'block';
  if (device.atMost(device.blocksOf(workload.bytes)) * device.blockSize < workload.bytes)
    t.skip(`the drive transfers at most ${device.info.maxTransferBytes} bytes by one command`);
  if (offsetOf(workload.depth, workload.bytes) > device.blocks * device.blockSize)
    t.skip(`the drive has ${device.blocks * device.blockSize} bytes, fewer than the workload needs`);
  const flags = block ? constants.O_RDWR | constants.O_DIRECT : constants.O_RDWR;
  const file = t.use(new File(block ? device.block : device.char, flags));
  const ring = openRing(t, { shape: block ? 'plain' : 'big', entries: workload.depth });
  const buffers = allocateBuffers(t, workload);
  ring.registerFiles([file.fd]);
  if (workload.buffer !== 'none') ring.registerBuffers(buffers);
  const registerMapping = (opcode: string) => {
    if (workload.buffer === 'dma')
      ring.register(t.uapi.constant(opcode), mapRange(t.uapi, { end: workload.depth }), 1);
  };
  registerMapping('IORING_REGISTER_MAP_BUFFERS');
  const fill = () =>
    buffers.forEach((memory, index) => {
      if (block) queueBlock(ring, memory, index, workload);
      else queuePassthrough(ring, device, memory, index, workload);
    });
  const release = () => {
    // Now, not when the kernel has freed the ring: the memory that may be mapped is limited.
    registerMapping('IORING_REGISTER_UNMAP_BUFFERS');
    ring.close();
    file.close();
    // The buffers stay until the test ends, so that the next round allocates other pages.
  };
  return { ring, device, fill, release };
}
