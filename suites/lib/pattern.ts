import { Memory } from '../binding/index.ts';
import type { Test } from './test.ts';

/** Fills bytes with a repeatable pattern: each 32-bit word depends on the seed and on its index, so misplaced data never matches. */
export function fillPattern(bytes: Uint8Array, seed: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = bytes.length >>> 2;
  for (let index = 0; index < words; index++) {
    let word = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca6b);
    word ^= word >>> 15;
    word = Math.imul(word, 0x2c1b3c6d);
    view.setUint32(index * 4, (word ^ (word >>> 12)) >>> 0, true);
  }
  for (let index = words * 4; index < bytes.length; index++) bytes[index] = (seed + index) & 0xff;
}

/** `length` new bytes, filled by `fillPattern`. */
export function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  fillPattern(bytes, seed);
  return bytes;
}

/** Page-aligned memory for I/O, released at the test's end; filled by `fillPattern` if there is a seed, else zeroed. */
export function ioMemory(t: Test, length: number, seed?: number): Memory {
  const memory = t.use(new Memory(length));
  if (seed !== undefined) fillPattern(memory.bytes, seed);
  return memory;
}
