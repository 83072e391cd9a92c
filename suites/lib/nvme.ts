import type { Memory } from '../binding/index.ts';
import type { Device } from './device.ts';
import type { NvmeCommand } from './sqe.ts';

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

/** Status code type and status code (bits 10:0) of a passthrough result, without the retry delay, More and DNR bits. */
export function statusCode(res: number): number {
  return res & 0x7ff;
}

/** A range of logical blocks. */
export interface Span {
  /** First block. */
  lba: number | bigint;
  /** Number of blocks, 1 or more. */
  blocks: number;
}

function span(opcode: number, device: Device, { lba, blocks }: Span): NvmeCommand {
  const start = BigInt(lba);
  return {
    opcode,
    nsid: device.nsid,
    cdw10: Number(start & 0xffffffffn),
    cdw11: Number(start >> 32n),
    cdw12: blocks - 1,
  };
}

/** Read, Write or Compare of these blocks with `memory` from byte `offset` on; `metadata` is passed with its full length. */
export function transfer(
  kind: 'read' | 'write' | 'compare',
  device: Device,
  where: Span,
  memory: Memory,
  { offset = 0, metadata }: { offset?: number; metadata?: Memory } = {},
): NvmeCommand {
  return {
    ...span(Opcode[kind], device, where),
    addr: memory.address + BigInt(offset),
    dataLength: where.blocks * device.blockSize,
    ...(metadata ? { metadata: metadata.address, metadataLength: metadata.length } : {}),
  };
}

/** Flush of the namespace. */
export function flush(device: Device): NvmeCommand {
  return { opcode: Opcode.flush, nsid: device.nsid };
}

/** Write Zeroes to these blocks. */
export function writeZeroes(device: Device, where: Span): NvmeCommand {
  return span(Opcode.writeZeroes, device, where);
}

/** Zone Append to the zone that starts at `lba`. `big[0]` of the CQE is the block where the data was written. */
export function zoneAppend(device: Device, where: Span, memory: Memory): NvmeCommand {
  const command = span(Opcode.zoneAppend, device, where);
  return { ...command, addr: memory.address, dataLength: where.blocks * device.blockSize };
}

/** Zone Management Receive: a zone report from the zone of `lba` on that fills `memory` (ZNS 1.1 section 3.4.2). */
export function zoneReport(device: Device, lba: number | bigint, memory: Memory): NvmeCommand {
  const command = span(Opcode.zoneManagementReceive, device, { lba, blocks: 1 });
  return { ...command, cdw12: memory.length / 4 - 1, addr: memory.address, dataLength: memory.length };
}

/** A zone descriptor; `start`, `capacity` and `writePointer` are in blocks. */
export interface Zone {
  start: bigint;
  capacity: bigint;
  writePointer: bigint;
  /** Empty 1, implicitly opened 2, explicitly opened 3, closed 4, read only 13, full 14, offline 15. */
  state: number;
}

/** The zone descriptors of a report in memory (ZNS 1.1 figures 37 and 39). */
export function zonesOf({ view }: Memory): Zone[] {
  return Array.from({ length: Number(view.getBigUint64(0, true)) }, (_, index) => {
    const at = 64 * (index + 1);
    return {
      start: view.getBigUint64(at + 16, true),
      capacity: view.getBigUint64(at + 8, true),
      writePointer: view.getBigUint64(at + 24, true),
      state: view.getUint8(at + 1) >> 4,
    };
  });
}

/**
 * Zone Management Send to the zone of `lba`, or to `all` zones. `action`: close 1, finish 2, open 3, reset 4 (ZNS 1.1 figure 41).
 */
export function zoneSend(device: Device, lba: number | bigint, action: number, all = false): NvmeCommand {
  const command = span(Opcode.zoneManagementSend, device, { lba, blocks: 1 });
  return { ...command, cdw12: 0, cdw13: action | (all ? 1 << 8 : 0) };
}

/** Identify into the first 4096 bytes of memory. `cns`: a value of `Cns`. */
export function identify(cns: number, nsid: number, memory: Memory): NvmeCommand {
  return { opcode: Admin.identify, nsid, cdw10: cns, addr: memory.address, dataLength: 4096 };
}

/** Get Log Page that fills `memory`. */
export function getLogPage(page: number, nsid: number, memory: Memory): NvmeCommand {
  const dwords = memory.length / 4 - 1;
  return {
    opcode: Admin.getLogPage,
    nsid,
    cdw10: (page | ((dwords & 0xffff) << 16)) >>> 0,
    cdw11: dwords >>> 16,
    addr: memory.address,
    dataLength: memory.length,
  };
}

/** Text fields of Identify Controller (NVMe Base 2.0 figure 275): ASCII without the padding. */
export function controllerText(identified: Uint8Array): { serial: string; model: string; firmware: string } {
  const text = (from: number, to: number) =>
    Buffer.from(identified.subarray(from, to)).toString('latin1').trim();
  return { serial: text(4, 24), model: text(24, 64), firmware: text(64, 72) };
}

/**
 * Size and format in use of Identify Namespace (NVM Command Set 1.0 figure 97). `blocks` is NSZE; `piType` is 0 without protection
 * information.
 */
export function namespaceFormat(memory: Memory): {
  blocks: bigint;
  blockSize: number;
  metadataBytes: number;
  piType: number;
} {
  const { view } = memory;
  const flbas = view.getUint8(26);
  const index = (flbas & 0xf) | ((flbas >> 1) & 0x30);
  const format = view.getUint32(128 + index * 4, true);
  return {
    blocks: view.getBigUint64(0, true),
    blockSize: 2 ** ((format >> 16) & 0xff),
    metadataBytes: format & 0xffff,
    piType: view.getUint8(29) & 7,
  };
}
