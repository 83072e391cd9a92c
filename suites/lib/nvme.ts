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

/** Status code type and code of a passthrough result, without the retry and more bits. */
export function statusCode(res: number): number {
  return res & 0x7ff;
}

export interface Span {
  /** First block. */
  lba: number | bigint;
  /** Blocks, from 1. */
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

/** Read or write `blocks` blocks from or to memory (from `offset` on); with `metadata`, that buffer in full. */
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

export function flush(device: Device): NvmeCommand {
  return { opcode: Opcode.flush, nsid: device.nsid };
}

export function writeZeroes(device: Device, where: Span): NvmeCommand {
  return span(Opcode.writeZeroes, device, where);
}

/** Append to the zone that starts at `lba`; the CQE's first extra word says where it went. */
export function zoneAppend(device: Device, where: Span, memory: Memory): NvmeCommand {
  const command = span(Opcode.zoneAppend, device, where);
  return { ...command, addr: memory.address, dataLength: where.blocks * device.blockSize };
}

/** Zone Management Receive: an extended report from the zone of `lba` on, into the whole of `memory` (ZNS 1.1 section 3.4.2). */
export function zoneReport(device: Device, lba: number | bigint, memory: Memory): NvmeCommand {
  const command = span(Opcode.zoneManagementReceive, device, { lba, blocks: 1 });
  return { ...command, cdw12: memory.length / 4 - 1, addr: memory.address, dataLength: memory.length };
}

export interface Zone {
  start: bigint;
  capacity: bigint;
  writePointer: bigint;
  /** empty 1, implicitly open 2, explicitly open 3, closed 4, read only 13, full 14, offline 15. */
  state: number;
}

/** The zones of a report (ZNS 1.1 figures 37 and 39). */
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

/** Zone Management Send: close 1, finish 2, open 3, reset 4 (ZNS 1.1 figure 41). */
export function zoneSend(device: Device, lba: number | bigint, action: number, all = false): NvmeCommand {
  const command = span(Opcode.zoneManagementSend, device, { lba, blocks: 1 });
  return { ...command, cdw12: 0, cdw13: action | (all ? 1 << 8 : 0) };
}

/** Identify into 4096 bytes of memory. */
export function identify(cns: number, nsid: number, memory: Memory): NvmeCommand {
  return { opcode: Admin.identify, nsid, cdw10: cns, addr: memory.address, dataLength: 4096 };
}

/** Get Log Page into the whole of `memory`. */
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

/** Text fields of Identify Controller (NVMe Base 2.0 figure 275): space-padded ASCII. */
export function controllerText(identified: Uint8Array): { serial: string; model: string; firmware: string } {
  const text = (from: number, to: number) =>
    Buffer.from(identified.subarray(from, to)).toString('latin1').trim();
  return { serial: text(4, 24), model: text(24, 64), firmware: text(64, 72) };
}

/** Size, capacity and the format in use of Identify Namespace (NVM Command Set 1.0 figure 97). */
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
