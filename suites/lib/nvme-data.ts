import type { Memory } from '../binding/index.ts';

/** A zone descriptor; `start`, `capacity` and `writePointer` are in blocks. */
export interface Zone {
  start: bigint;
  capacity: bigint;
  writePointer: bigint;
  /** Empty 1, implicitly opened 2, explicitly opened 3, closed 4, read only 13, full 14, offline 15. */
  state: number;
}

/**
 * The zone descriptors of a report that memory holds (ZNS 1.1 figures 37 and 39): of all zones that the report's header counts, or of as
 * many as fit the memory.
 */
export function zonesOf({ view }: Memory): Zone[] {
  const count = Math.min(Number(view.getBigUint64(0, true)), Math.floor(view.byteLength / 64) - 1);
  return Array.from({ length: count }, (_, index) => {
    const at = 64 * (index + 1);
    return {
      start: view.getBigUint64(at + 16, true),
      capacity: view.getBigUint64(at + 8, true),
      writePointer: view.getBigUint64(at + 24, true),
      state: view.getUint8(at + 1) >> 4,
    };
  });
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
