import { checkRange } from '../binding/index.ts';
import type { UapiTable } from './uapi.ts';

/** The fields of an SQE that describe its buffer. */
interface BufferFields {
  opcode: string | number;
  fd?: number | undefined;
  addr?: bigint | undefined;
  len?: number | undefined;
}

type Length = (sqe: BufferFields) => number;

const bytes: Length = ({ len = 0 }) => len;
/** sizeof(struct iovec) and sizeof(struct __kernel_timespec). */
const of16: Length = ({ len = 0 }) => 16 * len;

/** What `addr` of an opcode points to, bytes. The kernel reads or writes as much there. */
const LENGTHS: Record<string, Length> = {
  IORING_OP_READ: bytes,
  IORING_OP_WRITE: bytes,
  IORING_OP_READ_FIXED: bytes,
  IORING_OP_WRITE_FIXED: bytes,
  IORING_OP_SEND: bytes,
  IORING_OP_SEND_ZC: bytes,
  IORING_OP_RECV: bytes,
  IORING_OP_READV: of16,
  IORING_OP_WRITEV: of16,
  IORING_OP_READV_FIXED: of16,
  IORING_OP_WRITEV_FIXED: of16,
  IORING_OP_TIMEOUT: of16,
  IORING_OP_LINK_TIMEOUT: of16,
  // `fd` is the number of buffers of `len` bytes.
  IORING_OP_PROVIDE_BUFFERS: ({ len = 0, fd = 0 }) => len * fd,
  // An array of int.
  IORING_OP_FILES_UPDATE: ({ len = 0 }) => 4 * len,
};

/** `LENGTHS` by the numbers of the kernel under test, which may lack some of the opcodes. */
const byNumber = new WeakMap<UapiTable, Map<number, Length>>();

function lengthsOf(uapi: UapiTable): Map<number, Length> {
  const known = byNumber.get(uapi);
  if (known) return known;
  const present = Object.entries(LENGTHS).filter(([name]) => uapi.has(name));
  const lengths = new Map(present.map(([name, length]) => [uapi.constant(name), length]));
  byNumber.set(uapi, lengths);
  return lengths;
}

/** Throws RangeError when the buffer of an SQE begins in a `Memory` and ends past it. */
export function checkBuffer(uapi: UapiTable, opcode: number, sqe: BufferFields): void {
  const length = lengthsOf(uapi).get(opcode)?.(sqe);
  if (length === undefined || sqe.addr === undefined) return;
  const name = typeof sqe.opcode === 'string' ? sqe.opcode : `opcode ${opcode}`;
  checkRange(name, { address: sqe.addr, length });
}
