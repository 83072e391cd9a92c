/** A range of logical blocks. */
export interface Span {
  /** First block. */
  lba: number | bigint;
  /** Number of blocks, 1 to 65536. */
  blocks: number;
}
