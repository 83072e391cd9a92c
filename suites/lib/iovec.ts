import { checkRange, integer, Memory, type MemoryRange } from '../binding/index.ts';

/** sizeof(struct iovec). */
const IOVEC_BYTES = 16;

/** An array of struct iovec: `count` entries, which describe `total` bytes. */
export class Iovecs extends Memory {
  readonly count: number;
  readonly total: number;

  /** Throws RangeError for a part that begins in a `Memory` and ends past it, unless `unchecked`. */
  constructor(parts: readonly MemoryRange[], { unchecked = false } = {}) {
    // Memory has at least one byte; an empty array has an address too.
    super(Math.max(1, parts.length * IOVEC_BYTES));
    this.count = parts.length;
    this.total = parts.reduce((sum, { length }) => sum + length, 0);
    parts.forEach(({ address, length }, index) => {
      integer(`iovec ${index}: length`, length, 0, Number.MAX_SAFE_INTEGER);
      if (!unchecked) checkRange(`iovec ${index}`, { address, length });
      this.view.setBigUint64(index * IOVEC_BYTES, address, true);
      this.view.setBigUint64(index * IOVEC_BYTES + 8, BigInt(length), true);
    });
  }
}

/**
 * An array of struct iovec in new memory, for vectored requests and for IORING_REGISTER_BUFFERS. Throws RangeError for released memory, and
 * for a part that begins in a `Memory` and ends past it; `unchecked` lets a test pass such a part on purpose.
 */
export function iovecs(parts: readonly MemoryRange[], options?: { unchecked?: boolean }): Iovecs {
  return new Iovecs(parts, options);
}
