import { attached, integer } from './bounds.ts';
import type { Bytes } from './native.ts';

type Size = (count: number) => number;

/** Bytes that io_uring_register reads or writes at its argument, by opcode (include/uapi/linux/io_uring.h; the numbers are ABI). */
const ARGUMENT_BYTES: Record<number, Size> = {
  // Buffers: struct iovec. Files: int.
  0: (count) => 16 * count,
  2: (count) => 4 * count,
  // Eventfd, and eventfd for asynchronous completions: int.
  4: () => 4,
  7: () => 4,
  // struct io_uring_files_update.
  6: () => 16,
  // struct io_uring_probe, to which the kernel writes `count` entries.
  8: (count) => 16 + 8 * count,
  // struct io_uring_restriction.
  11: (count) => 16 * count,
  // struct io_uring_rsrc_register and io_uring_rsrc_update2.
  13: () => 32,
  14: () => 32,
  15: () => 32,
  16: () => 32,
  // CPU mask of the workers; largest numbers of workers, to which the kernel writes the previous ones.
  17: (count) => count,
  19: () => 8,
  // Ring descriptors: struct io_uring_rsrc_update, to which the kernel writes the slots.
  20: (count) => 16 * count,
  21: (count) => 16 * count,
  // struct io_uring_buf_reg; struct io_uring_sync_cancel_reg; struct io_uring_file_index_range.
  22: () => 40,
  23: () => 40,
  24: () => 64,
  25: () => 16,
};

/**
 * Refuses an argument of io_uring_register that is smaller than what the kernel reads or writes there, for the opcodes whose argument
 * is known here. Throws RangeError. A null argument passes.
 */
export function checkRegistration(opcode: number, argument: Bytes, count: number): void {
  integer('count of io_uring_register', count, 0, 0xffff_ffff);
  if (argument === null) return;
  if (ArrayBuffer.isView(argument)) attached('io_uring_register', argument);
  const needed = ARGUMENT_BYTES[opcode]?.(count) ?? 0;
  if (argument.byteLength < needed)
    throw new RangeError(
      `io_uring_register opcode ${opcode}: argument of ${argument.byteLength} bytes, expected ${needed}`,
    );
}
