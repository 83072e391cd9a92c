/** Checks of the numbers and ranges that are handed to the kernel. All throw RangeError, before anything is submitted. */

/** A range of the process's memory. */
export interface MemoryRange {
  /** Address of the first byte. */
  readonly address: bigint;
  /** Bytes. */
  readonly length: number;
}

const hex = (address: bigint) => `0x${BigInt.asUintN(64, address).toString(16)}`;

/** An integer from `low` to `high`, as it was given. `what` names it: `blocks`. */
export function integer<T extends number | bigint>(
  what: string,
  value: T,
  low: number | bigint,
  high: number | bigint,
): T {
  const whole = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (!whole || value < low || value > high)
    throw new RangeError(`${what}: expected an integer from ${low} to ${high}, got ${value}`);
  return value;
}

/** A byte offset, which may be at the end of what it is an offset of. */
export function inside(
  what: string,
  offset: number,
  needed: number,
  length: number,
  container: string,
): void {
  integer(`${what}: offset`, offset, 0, Number.MAX_SAFE_INTEGER);
  if (offset + needed > length)
    throw new RangeError(
      `${what}: ${needed} bytes at offset ${offset} end ${offset + needed - length} bytes past the ${length} bytes of ${container}`,
    );
}

/** Whether the ArrayBuffer of a view was detached: its memory was released or its ring closed. */
export function detached({ buffer }: ArrayBufferView): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    // ArrayBuffer.prototype.detached needs Node.js 21.
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** Refuses a view of released memory, whose length reads as 0. */
export function attached(what: string, view: ArrayBufferView): void {
  if (detached(view)) throw new RangeError(`${what}: the memory was released`);
}

/** Memory that was allocated and not released, in the order of addresses. */
const allocated: { start: bigint; end: bigint }[] = [];

/** Index of the first entry of `allocated` that ends after `address`. */
function indexOf(address: bigint): number {
  let [low, high] = [0, allocated.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((allocated[middle]?.end ?? 0n) > address) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Makes a range known to `checkRange`. */
export function addRange({ address, length }: MemoryRange): void {
  allocated.splice(indexOf(address), 0, { start: address, end: address + BigInt(length) });
}

/** Forgets the range that begins at `address`. */
export function removeRange(address: bigint): void {
  const index = indexOf(address);
  if (allocated[index]?.start === address) allocated.splice(index, 1);
}

/**
 * Refuses a range that begins in allocated memory and ends past it. A range that begins elsewhere passes: the caller has made up
 * its address, and the kernel refuses it (EFAULT), since no memory of this process is mapped right behind a `Memory`.
 */
export function checkRange(what: string, { address, length }: MemoryRange): void {
  const memory = allocated[indexOf(address)];
  if (!memory || address < memory.start) return;
  const container = `the memory at ${hex(memory.start)}`;
  inside(what, Number(address - memory.start), length, Number(memory.end - memory.start), container);
}
