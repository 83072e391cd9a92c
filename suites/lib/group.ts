import type { SqeFields } from './sqe.ts';
import { SkipError, type UapiTable } from './uapi.ts';

/** How an SQE is marked as part of a group. Two ABIs were proposed; the kernel's headers show which it implements. */
export interface GroupMarking {
  /** Name of the flag in the kernel's headers. */
  name: string;
  /** Sets the flag in an SQE that has its opcode and other flags already. */
  mark(sqe: DataView): void;
  /** The fields of an SQE with the flag, for SQEs that a child process writes. */
  marked(sqe: SqeFields): SqeFields;
}

const setBits = (sqe: DataView, at: number, bits: number) => sqe.setUint8(at, sqe.getUint8(at) | bits);

/** Fields of an SQE with one more IOSQE_ flag. Throws TypeError where they have flags as a number. */
function withFlag(sqe: SqeFields, name: string): SqeFields {
  if (typeof sqe.flags === 'number') throw new TypeError('flags of an SQE that is marked are names');
  return { ...sqe, flags: [...(sqe.flags ?? []), name] };
}

/** The last free bit of `sqe->flags`. */
function flagsBit(uapi: UapiTable): GroupMarking {
  const { offset } = uapi.field('io_uring_sqe', 'flags');
  const bit = uapi.constant('IOSQE_SQE_GROUP');
  const name = 'IOSQE_SQE_GROUP';
  return { name, mark: (sqe) => setBits(sqe, offset, bit), marked: (sqe) => withFlag(sqe, name) };
}

/**
 * The last bit of `sqe->flags` announces extended flags: in byte 63 of the SQE, or for IORING_OP_URING_CMD, whose command may lie
 * there, in byte 2 of `uring_cmd_flags`.
 */
function extendedBit(uapi: UapiTable): GroupMarking {
  const [flags, opcode] = [uapi.field('io_uring_sqe', 'flags'), uapi.field('io_uring_sqe', 'opcode')];
  const command = uapi.field('io_uring_sqe', 'uring_cmd_flags');
  const [more, bit] = [uapi.constant('IOSQE_HAS_EXT_FLAGS'), uapi.constant('IOSQE_EXT_SQE_GROUP')];
  const mark = (sqe: DataView) => {
    setBits(sqe, flags.offset, more);
    const isCommand = sqe.getUint8(opcode.offset) === uapi.constant('IORING_OP_URING_CMD');
    setBits(sqe, isCommand ? command.offset + 2 : 63, bit);
  };
  const marked = (sqe: SqeFields): SqeFields => {
    const flagged = withFlag(sqe, 'IOSQE_HAS_EXT_FLAGS');
    if (sqe.opcode !== 'IORING_OP_URING_CMD') return { ...flagged, more: { ...sqe.more, ext_flags: bit } };
    const others = Number(sqe.more?.uring_cmd_flags ?? 0);
    return { ...flagged, more: { ...sqe.more, uring_cmd_flags: others | (bit << 16) } };
  };
  return { name: 'IOSQE_EXT_SQE_GROUP', mark, marked };
}

/** The marking that the kernel under test implements. Throws SkipError when it has no SQE groups. */
export function groupMarking(uapi: UapiTable): GroupMarking {
  if (uapi.has('IOSQE_SQE_GROUP')) return flagsBit(uapi);
  if (uapi.has('IOSQE_EXT_SQE_GROUP')) return extendedBit(uapi);
  throw new SkipError('the kernel has no SQE groups', 'IOSQE_SQE_GROUP');
}
