import { SkipError, type UapiTable } from './uapi.ts';

/** How an SQE is marked as part of a group. Two ABIs were proposed; the kernel's headers show which it implements. */
export interface GroupMarking {
  /** Name of the flag in the kernel's headers. */
  name: string;
  /** Sets the flag in an SQE that has its opcode and other flags already. */
  mark(sqe: DataView): void;
}

const setBits = (sqe: DataView, at: number, bits: number) => sqe.setUint8(at, sqe.getUint8(at) | bits);

/** The last free bit of `sqe->flags`. */
function flagsBit(uapi: UapiTable): GroupMarking {
  const { offset } = uapi.field('io_uring_sqe', 'flags');
  const bit = uapi.constant('IOSQE_SQE_GROUP');
  return { name: 'IOSQE_SQE_GROUP', mark: (sqe) => setBits(sqe, offset, bit) };
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
  return { name: 'IOSQE_EXT_SQE_GROUP', mark };
}

/** The marking that the kernel under test implements. Throws SkipError when it has no SQE groups. */
export function groupMarking(uapi: UapiTable): GroupMarking {
  if (uapi.has('IOSQE_SQE_GROUP')) return flagsBit(uapi);
  if (uapi.has('IOSQE_EXT_SQE_GROUP')) return extendedBit(uapi);
  throw new SkipError('the kernel has no SQE groups', 'IOSQE_SQE_GROUP');
}
