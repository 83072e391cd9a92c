import { inside, integer, Memory } from '../binding/index.ts';
import type { Device } from './device.ts';
import { Iovecs } from './iovec.ts';
import { Prinfo, TUPLE_BYTES } from './protection.ts';
import { BUFFERS, type NvmeCommand } from './sqe.ts';

export type DataBuffer = Required<Pick<NvmeCommand, 'addr' | 'dataLength' | typeof BUFFERS>>;

/**
 * The fields of a buffer from which or to which the device transfers `needed` bytes. The commands of the vectored operations
 * (NVME_URING_CMD_IO_VEC) take iovecs instead: their address, and their number as length. Throws RangeError when the buffer is smaller.
 */
export function buffer(what: string, memory: Memory, needed: number, offset = 0): DataBuffer {
  const { address } = memory;
  if (!(memory instanceof Iovecs)) {
    inside(what, offset, needed, memory.length, 'the memory');
    return { addr: address + BigInt(offset), dataLength: needed, [BUFFERS]: [memory] };
  }
  if (offset !== 0) throw new RangeError(`${what}: offset ${offset} into iovecs, expected 0`);
  inside(what, 0, needed, memory.total, `the ${memory.count} iovecs`);
  return { addr: address, dataLength: memory.count, [BUFFERS]: [memory] };
}

/** How the data and metadata of a transfer are passed. */
export interface TransferOptions {
  /** Where the data begins in `memory`, bytes. */
  offset?: number;
  /**
   * The metadata of all blocks, which goes to and from the medium. Default, on a namespace that has metadata: the device generates and
   * checks the protection information (`Prinfo.act`), or without it, zeros are written and what is read is dropped.
   */
  metadata?: Memory | undefined;
  /** Bits of `Prinfo`. With `act` or `referenceTag` the expected reference tag is that of type 1: the lower half of the block number. */
  prinfo?: number;
}

/** Whether the device generates and strips all metadata with PRACT: if it is nothing but the tuple (NVM Command Set 1.0, 5.2.2.1). */
const generates = ({ metadataBytes, info }: Device) => metadataBytes === TUPLE_BYTES && info.piType !== 0;

/**
 * PRINFO and metadata buffer of a transfer. Without a buffer the device would transfer metadata at address 0. Throws RangeError when
 * the metadata memory is smaller than what the device transfers.
 */
export function metadataOf(
  what: string,
  device: Device,
  { blocks, kind }: { blocks: number; kind: 'read' | 'write' | 'compare' },
  { metadata, prinfo }: TransferOptions,
): { prinfo: number; memory?: Memory } {
  // Compare takes no PRACT: the device compares without the tuples, and checks those that PRINFO names.
  const strips = generates(device) && kind !== 'compare';
  const bits = integer('prinfo', prinfo ?? (strips && !metadata ? Prinfo.act : 0), 0, 0xffff_ffff);
  const needed = strips && bits & Prinfo.act ? 0 : blocks * (device.metadataBytes ?? 0);
  if (metadata) inside(`metadata of ${what}`, 0, needed, metadata.length, 'the metadata memory');
  const memory = metadata ?? (needed > 0 ? new Memory(needed) : undefined);
  return memory ? { prinfo: bits, memory } : { prinfo: bits };
}

/** Length of memory that a command fills whole and whose size it gives in dwords. Throws RangeError. */
export function dwords({ length }: Memory, what: string, least: number): number {
  integer(what, length, least, 0xffff_ffff);
  if (length % 4 !== 0) throw new RangeError(`${what}: ${length} bytes, expected a multiple of 4`);
  return length / 4;
}
