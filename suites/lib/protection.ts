import { inside, integer, type Memory } from '../binding/index.ts';
import type { Span } from './span.ts';

/** PRINFO, bits 29:26 of command dword 12 (NVM Command Set 1.0 section 5.2.2): PRACT, and the fields that the device checks. */
export const Prinfo = {
  act: 1 << 29,
  guard: 1 << 28,
  applicationTag: 1 << 27,
  referenceTag: 1 << 26,
} as const;

/** Bytes of a protection information tuple: 2 of guard, 2 of application tag, 4 of reference tag. */
export const TUPLE_BYTES = 8;

/** Guard of a block: the CRC-16 of T10 DIF (polynomial 0x8bb7, not reflected, initial value 0). */
export function guardOf(block: Uint8Array): number {
  let crc = 0;
  for (const byte of block) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x8bb7 : crc << 1) & 0xffff;
  }
  return crc;
}

/**
 * Writes valid type 1 protection information for `data`, which is to be written to these blocks, into `metadata`: the reference tag is
 * the lower half of the block's address. Throws RangeError when `data` is not `blocks` blocks or `metadata` is smaller than their tuples.
 */
export function protect(
  data: Uint8Array,
  metadata: Memory,
  { lba, blocks }: Span,
  applicationTag: number,
): void {
  const size = integer(
    `bytes of a block (${data.length} / ${blocks})`,
    data.length / blocks,
    512,
    data.length,
  );
  inside(`tuples of ${blocks} blocks`, 0, blocks * TUPLE_BYTES, metadata.length, 'the metadata memory');
  for (let index = 0; index < blocks; index++) {
    const at = index * TUPLE_BYTES;
    metadata.view.setUint16(at, guardOf(data.subarray(index * size, (index + 1) * size)));
    metadata.view.setUint16(at + 2, applicationTag);
    metadata.view.setUint32(at + 4, Number((BigInt(lba) + BigInt(index)) & 0xffffffffn));
  }
}
