/** A completion. `big` are the two extra words of a 32-byte CQE; both 0 when the ring has 16-byte ones. */
export interface Cqe {
  userData: bigint;
  /** `userData` as a number, for those who stay below 2^53. */
  tag: number;
  /** Result: >= 0, or -errno. */
  res: number;
  flags: number;
  big: readonly [bigint, bigint];
}

/** Reads `count` CQEs of `size` bytes from their raw form. */
export function decodeCqes(bytes: Uint8Array, count: number, size: number): Cqe[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => {
    const at = index * size;
    const userData = view.getBigUint64(at, true);
    const big =
      size === 32 ? ([16, 24].map((more) => view.getBigUint64(at + more, true)) as [bigint, bigint]) : null;
    return {
      userData,
      tag: Number(userData),
      res: view.getInt32(at + 8, true),
      flags: view.getUint32(at + 12, true),
      big: big ?? [0n, 0n],
    };
  });
}
