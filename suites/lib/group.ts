import { SkipError, type UapiTable } from './uapi.ts';

/** Where a kernel has the flag: there were two proposals, and it says by its headers which it follows. */
export interface GroupMarking {
  name: string;
  mark(sqe: DataView): void;
}

const or = (sqe: DataView, at: number, bits: number) => sqe.setUint8(at, sqe.getUint8(at) | bits);

/** The last bit of the SQE's flags. */
function lastBit(uapi: UapiTable): GroupMarking {
  const { offset } = uapi.field('io_uring_sqe', 'flags');
  const bit = uapi.constant('IOSQE_SQE_GROUP');
  return { name: 'IOSQE_SQE_GROUP', mark: (sqe) => or(sqe, offset, bit) };
}

/** That bit says there are more flags: in the SQE's last byte, but for commands in the third byte of theirs. */
function extended(uapi: UapiTable): GroupMarking {
  const [flags, opcode] = [uapi.field('io_uring_sqe', 'flags'), uapi.field('io_uring_sqe', 'opcode')];
  const command = uapi.field('io_uring_sqe', 'uring_cmd_flags');
  const [more, bit] = [uapi.constant('IOSQE_HAS_EXT_FLAGS'), uapi.constant('IOSQE_EXT_SQE_GROUP')];
  const mark = (sqe: DataView) => {
    or(sqe, flags.offset, more);
    const isCommand = sqe.getUint8(opcode.offset) === uapi.constant('IORING_OP_URING_CMD');
    or(sqe, isCommand ? command.offset + 2 : 63, bit);
  };
  return { name: 'IOSQE_EXT_SQE_GROUP', mark };
}

/** Throws SkipError where the kernel knows no groups. */
export function groupMarking(uapi: UapiTable): GroupMarking {
  if (uapi.has('IOSQE_SQE_GROUP')) return lastBit(uapi);
  if (uapi.has('IOSQE_EXT_SQE_GROUP')) return extended(uapi);
  throw new SkipError('the kernel has no SQE groups');
}
