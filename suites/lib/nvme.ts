import { errnoName, integer, type Memory } from '../binding/index.ts';
import type { Device } from './device.ts';
import { buffer, dwords, metadataOf, type TransferOptions } from './nvme-buffer.ts';
import { Prinfo } from './protection.ts';
import type { Span } from './span.ts';
import { BUFFERS, type NvmeCommand } from './sqe.ts';

export type { TransferOptions } from './nvme-buffer.ts';
export { controllerText, namespaceFormat, type Zone, zonesOf } from './nvme-data.ts';
export type { Span } from './span.ts';

/** I/O commands, NVM Command Set 1.0 figure 14; zoned: ZNS Command Set 1.1 figure 29. */
export const Opcode = {
  flush: 0x00,
  write: 0x01,
  read: 0x02,
  writeUncorrectable: 0x04,
  compare: 0x05,
  writeZeroes: 0x08,
  datasetManagement: 0x09,
  zoneManagementSend: 0x79,
  zoneManagementReceive: 0x7a,
  zoneAppend: 0x7d,
  copy: 0x19,
} as const;

/** Admin commands, NVMe Base 2.0 figure 138. */
export const Admin = { getLogPage: 0x02, identify: 0x06, getFeatures: 0x0a } as const;

/** Feature identifiers, NVMe Base 2.0 figure 317. The threshold, in kelvin, is 0 on no controller; the number of queues may be. */
export const Feature = { temperatureThreshold: 0x04, numberOfQueues: 0x07 } as const;

/** CNS values of Identify, NVMe Base 2.0 figure 273. */
export const Cns = { namespace: 0x00, controller: 0x01, activeNamespaces: 0x02 } as const;

/** Status: code type in bits 10:8, code in 7:0 (NVMe Base 2.0 figures 94 and 97), `dnr` = do not retry, bit 14. */
export const Status = {
  invalidOpcode: 0x001,
  invalidField: 0x002,
  invalidNamespace: 0x00b,
  lbaOutOfRange: 0x080,
  invalidProtectionInfo: 0x181,
  zoneBoundary: 0x1b8,
  zoneFull: 0x1b9,
  zoneInvalidWrite: 0x1bc,
  guardCheck: 0x282,
  applicationTagCheck: 0x283,
  referenceTagCheck: 0x284,
  compareFailure: 0x285,
  /** Path related (3h): internal path error, ANA inaccessible, host pathing error. */
  internalPathError: 0x300,
  anaInaccessible: 0x302,
  hostPathError: 0x370,
  hostAborted: 0x371,
  dnr: 0x4000,
} as const;

/**
 * Status code type and status code (bits 10:0) of a passthrough result, without the retry delay, More and DNR bits. Throws RangeError for
 * a negative result: the kernel has ended the command with an errno, and there is no status.
 */
export function statusCode(res: number): number {
  if (res < 0)
    throw new RangeError(`CQE res ${res} is the errno ${errnoName(-res)}: there is no NVMe status`);
  return integer('CQE res', res, 0, 0xffff) & 0x7ff;
}

/** Largest number of blocks of a command: the field is 16 bits wide and 0's based (NVM Command Set 1.0 section 3.2.4). */
const MAX_BLOCKS = 0x10000;

function span(opcode: number, device: Device, { lba, blocks }: Span): NvmeCommand {
  const start = BigInt(integer('lba', lba, 0, 0xffff_ffff_ffff_ffffn));
  return {
    opcode,
    nsid: device.nsid,
    cdw10: Number(start & 0xffffffffn),
    cdw11: Number(start >> 32n),
    cdw12: integer('blocks', blocks, 1, MAX_BLOCKS) - 1,
  };
}

/**
 * Read, Write or Compare of these blocks with `memory` from byte `offset` on, or with iovecs for the vectored operations. `metadata` is
 * passed with its full length. Throws RangeError when data or metadata exceed their memory, and for released memory.
 */
export function transfer(
  kind: 'read' | 'write' | 'compare',
  device: Device,
  where: Span,
  memory: Memory,
  options: TransferOptions = {},
): NvmeCommand {
  const command = span(Opcode[kind], device, where);
  const { cdw10, cdw12 = 0 } = command;
  const what = `${kind} of ${where.blocks} blocks of ${device.blockSize} bytes`;
  const data = buffer(what, memory, where.blocks * device.blockSize, options.offset);
  const { prinfo, memory: metadata } = metadataOf(what, device, { blocks: where.blocks, kind }, options);
  return {
    ...command,
    cdw12: (cdw12 | prinfo) >>> 0,
    ...(prinfo & (Prinfo.act | Prinfo.referenceTag) ? { cdw14: cdw10 } : {}),
    ...data,
    ...(metadata ? { metadata: metadata.address, metadataLength: metadata.length } : {}),
    [BUFFERS]: [...data[BUFFERS], ...(metadata ? [metadata] : [])],
  };
}

/** Flush of the namespace. */
export function flush(device: Device): NvmeCommand {
  return { opcode: Opcode.flush, nsid: device.nsid };
}

/** Write Zeroes to these blocks. Throws RangeError for more than 65536 blocks. */
export function writeZeroes(device: Device, where: Span): NvmeCommand {
  return span(Opcode.writeZeroes, device, where);
}

/**
 * Zone Append to the zone that starts at `lba`. `big[0]` of the CQE is the block where the data was written. Throws RangeError as
 * `transfer` does.
 */
export function zoneAppend(
  device: Device,
  where: Span,
  memory: Memory,
  options: TransferOptions = {},
): NvmeCommand {
  return { ...transfer('write', device, where, memory, options), opcode: Opcode.zoneAppend };
}

/**
 * Zone Management Receive: a zone report from the zone of `lba` on that fills `memory` (ZNS 1.1 section 3.4.2). Throws RangeError for memory
 * of less than the header's 64 bytes, and for a length that is no multiple of 4.
 */
export function zoneReport(device: Device, lba: number | bigint, memory: Memory): NvmeCommand {
  const command = span(Opcode.zoneManagementReceive, device, { lba, blocks: 1 });
  const count = dwords(memory, 'memory of a zone report', 64);
  return { ...command, cdw12: count - 1, ...buffer('zone report', memory, memory.length) };
}

/**
 * Zone Management Send to the zone of `lba`, or to `all` zones. `action`: close 1, finish 2, open 3, reset 4 (ZNS 1.1 figure 41).
 */
export function zoneSend(device: Device, lba: number | bigint, action: number, all = false): NvmeCommand {
  const command = span(Opcode.zoneManagementSend, device, { lba, blocks: 1 });
  return { ...command, cdw12: 0, cdw13: action | (all ? 1 << 8 : 0) };
}

/** Identify into the first 4096 bytes of memory. `cns`: a value of `Cns`. Throws RangeError when the memory is smaller. */
export function identify(cns: number, nsid: number, memory: Memory): NvmeCommand {
  return { opcode: Admin.identify, nsid, cdw10: cns, ...buffer('identify', memory, 4096) };
}

/** Get Log Page that fills `memory`, whose length must be a multiple of 4. Throws RangeError. */
export function getLogPage(page: number, nsid: number, memory: Memory): NvmeCommand {
  const last = dwords(memory, 'memory of a log page', 4) - 1;
  return {
    opcode: Admin.getLogPage,
    nsid,
    cdw10: (integer('log page', page, 0, 0xff) | ((last & 0xffff) << 16)) >>> 0,
    cdw11: last >>> 16,
    ...buffer('log page', memory, memory.length),
  };
}
