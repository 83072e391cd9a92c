/** The input fields of struct io_uring_params, all as numbers. */
export interface RingOptions {
  /** Requested SQ entries; the kernel rounds them up to a power of two. */
  entries: number;
  /** IORING_SETUP_ bits. */
  flags?: number;
  /** Requested CQ entries (needs IORING_SETUP_CQSIZE). */
  cqEntries?: number;
  /** CPU of the SQPOLL thread (needs IORING_SETUP_SQ_AFF). */
  sqThreadCpu?: number;
  /** Time without submissions until the SQPOLL thread sleeps, ms. */
  sqThreadIdle?: number;
  /** Descriptor of a ring whose workers are shared (needs IORING_SETUP_ATTACH_WQ). */
  wqFd?: number;
}

/** struct io_uring_params after setup; `sq` and `cq` are byte offsets into the memory of the queues. */
export interface RingParams {
  sqEntries: number;
  cqEntries: number;
  /** IORING_SETUP_ bits. */
  flags: number;
  /** IORING_FEAT_ bits. */
  features: number;
  sq: { head: number; tail: number; mask: number; flags: number; dropped: number; array: number };
  cq: { head: number; tail: number; mask: number; overflow: number; cqes: number; flags: number };
}

/** sizeof(struct io_uring_params): ten 32-bit words, then 40 bytes of offsets for each queue. ABI since Linux 5.1. */
const SIZE = 120;
const SQ_OFFSETS = 40;
const CQ_OFFSETS = 80;

/** struct io_uring_params for io_uring_setup, which fills it in. */
export function encodeParams(options: RingOptions): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  const words = [
    0,
    options.cqEntries ?? 0,
    options.flags ?? 0,
    options.sqThreadCpu ?? 0,
    options.sqThreadIdle ?? 0,
  ];
  words.forEach((word, index) => {
    view.setUint32(index * 4, word, true);
  });
  view.setUint32(24, options.wqFd ?? 0, true);
  return bytes;
}

/** Decodes the struct that io_uring_setup has filled in. */
export function decodeParams(bytes: Uint8Array): RingParams {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (offset: number) => view.getUint32(offset, true);
  const sq = (index: number) => word(SQ_OFFSETS + index * 4);
  const cq = (index: number) => word(CQ_OFFSETS + index * 4);
  return {
    sqEntries: word(0),
    cqEntries: word(4),
    flags: word(8),
    features: word(20),
    sq: { head: sq(0), tail: sq(1), mask: sq(2), flags: sq(4), dropped: sq(5), array: sq(6) },
    cq: { head: cq(0), tail: cq(1), mask: cq(2), overflow: cq(4), cqes: cq(5), flags: cq(6) },
  };
}
