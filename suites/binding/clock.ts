import { native } from './native.ts';

/** The same memory as bytes. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Ticks of the time-stamp counter that a pair of readings takes, once for each element. */
export function clockCost(samples: Float64Array): void {
  native().clockCost(bytesOf(samples));
}

/** Ticks that a loop of 4 * `count` instructions takes: as many, in a guest whose clock counts instructions. */
export function spin(count: number): number {
  return native().spin(count);
}
