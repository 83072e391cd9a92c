/** A completion. */
export interface Cqe {
  userData: bigint;
  /** `userData` as a number; exact below 2^53. */
  tag: number;
  /** Result: 0 or more, or -errno. */
  res: number;
  /** IORING_CQE_F_ bits. */
  flags: number;
  /** The two extra words of a 32-byte CQE; both 0 on a ring with 16-byte CQEs. */
  big: readonly [bigint, bigint];
}

/** Decodes `count` CQEs of `size` (16 or 32) bytes each. */
export function decodeCqes(bytes: Uint8Array, count: number, size: number): Cqe[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => {
    const at = index * size;
    const userData = view.getBigUint64(at, true);
    const big =
      size === 32
        ? ([16, 24].map((offset) => view.getBigUint64(at + offset, true)) as [bigint, bigint])
        : null;
    return {
      userData,
      tag: Number(userData),
      res: view.getInt32(at + 8, true),
      flags: view.getUint32(at + 12, true),
      big: big ?? [0n, 0n],
    };
  });
}
