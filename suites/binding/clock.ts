import { native } from './native.ts';

/** The memory of the samples as bytes, which is what the addon takes. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Sets each sample to the ticks of the time-stamp counter between two readings in a row: the cost of the clock itself. */
export function clockCost(samples: Float64Array): void {
  native().clockCost(bytesOf(samples));
}

/** Ticks of a loop of 4 * `count` instructions: that many in a guest whose clock counts instructions. */
export function spin(count: number): number {
  return native().spin(count);
}
