import { attached, type Memory } from '../binding/index.ts';
import { Iovecs } from './iovec.ts';
import { checkBuffer } from './sqe-buffer.ts';
import type { UapiTable } from './uapi.ts';

/** Fields of struct io_uring_sqe; `more` takes those without a property here. Fields left out are 0, `fd` -1. */
export interface SqeFields {
  /** Name of the opcode, e.g. `IORING_OP_READ`, or its number. */
  opcode: string | number;
  /** Names of IOSQE_ flags, or their bits or-ed. */
  flags?: readonly string[] | number;
  fd?: number;
  addr?: bigint;
  len?: number;
  off?: number | bigint;
  userData?: number | bigint;
  bufIndex?: number;
  /** Further fields by their name in the header (`rw_flags`, `cmd_op`, `uring_cmd_flags`...). */
  more?: Record<string, number | bigint>;
  /** Do not check that `addr` and `len` stay inside the memory in which they begin: for tests that pass a wrong length on purpose. */
  unchecked?: boolean;
}

const SQE = 'io_uring_sqe';

/** Key of a command's memory: it is copied with the command, and is no field of it. */
export const BUFFERS = Symbol('buffers of the command');

/**
 * Writes an SQE with the offsets and numbers of the kernel under test. Throws SkipError for an opcode, flag or field that it does not
 * have, RangeError for a value that does not fit its field, and for a buffer that begins in a `Memory` and ends past it.
 */
export function writeSqe(view: DataView, uapi: UapiTable, sqe: SqeFields): void {
  const opcode = typeof sqe.opcode === 'number' ? sqe.opcode : uapi.constant(sqe.opcode);
  const flags = typeof sqe.flags === 'number' ? sqe.flags : uapi.bits(...(sqe.flags ?? []));
  if (!sqe.unchecked) checkBuffer(uapi, opcode, sqe);
  uapi.write(view, SQE, {
    opcode,
    flags,
    fd: sqe.fd ?? -1,
    addr: sqe.addr,
    len: sqe.len,
    off: sqe.off,
    user_data: sqe.userData,
    buf_index: sqe.bufIndex,
    ...sqe.more,
  });
}

/**
 * The fields of struct nvme_uring_cmd; lengths are bytes, fields left out are 0. The functions of `nvme` check the buffers that they are
 * given. Addresses and lengths that a test writes itself, or replaces in a command that such a function has made, go to the kernel as they
 * are: a test passes a wrong length on purpose in this way.
 */
export interface NvmeCommand {
  opcode: number;
  nsid: number;
  flags?: number;
  cdw2?: number;
  cdw3?: number;
  metadata?: bigint;
  metadataLength?: number;
  addr?: bigint;
  dataLength?: number;
  cdw10?: number;
  cdw11?: number;
  cdw12?: number;
  cdw13?: number;
  cdw14?: number;
  cdw15?: number;
  timeoutMs?: number;
  /** The memory that a function of `nvme` has taken the addresses from. */
  [BUFFERS]?: readonly Memory[];
}

/** An NVMe command and the request that passes it through. */
export interface Passthrough {
  /** A generic (`/dev/ng0n1`) or controller (`/dev/nvme0`) character device. */
  fd: number;
  command: NvmeCommand;
  /** Name or number of the command operation; default `NVME_URING_CMD_IO`. */
  cmdOp?: string | number;
  flags?: SqeFields['flags'];
  userData?: number | bigint;
  /** Slot of a registered buffer (sets IORING_URING_CMD_FIXED). */
  bufIndex?: number;
}

/**
 * The command under the field names of struct nvme_uring_cmd, which struct nvme_passthru_cmd64 of the ioctls shares. Throws RangeError for
 * a command of the functions of `nvme` whose memory was released meanwhile.
 */
export function commandFields(command: NvmeCommand): Record<string, number | bigint | undefined> {
  for (const memory of command[BUFFERS] ?? []) attached('command', memory.bytes);
  const { metadataLength, dataLength, timeoutMs, ...sameName } = command;
  return { ...sameName, metadata_len: metadataLength, data_len: dataLength, timeout_ms: timeoutMs };
}

/**
 * Refuses a command with iovecs for an operation (its name) that would take them for the data. Throws RangeError.
 */
export function checkIovecs(command: NvmeCommand, operation: string | number): void {
  const iovecs = command[BUFFERS]?.some((memory) => memory instanceof Iovecs) ?? false;
  if (iovecs && typeof operation === 'string' && !operation.endsWith('_VEC'))
    throw new RangeError(`the command has iovecs: expected the operation ${operation}_VEC, got ${operation}`);
}

/**
 * Writes a passthrough SQE. A 64-byte SQE holds only the first 16 bytes of the command; the rest is cut off, so that a test can see the
 * kernel refuse it. Throws SkipError for names that the kernel does not have, RangeError for a value that does not fit its field, and for
 * a command of the functions of `nvme` whose memory was released meanwhile.
 */
export function writePassthrough(view: DataView, uapi: UapiTable, pass: Passthrough): void {
  const { cmdOp = 'NVME_URING_CMD_IO', bufIndex } = pass;
  checkIovecs(pass.command, cmdOp);
  const fixed: Record<string, number> =
    bufIndex === undefined ? {} : { uring_cmd_flags: uapi.constant('IORING_URING_CMD_FIXED') };
  writeSqe(view, uapi, {
    opcode: 'IORING_OP_URING_CMD',
    fd: pass.fd,
    flags: pass.flags,
    userData: pass.userData,
    bufIndex,
    more: { cmd_op: typeof cmdOp === 'number' ? cmdOp : uapi.constant(cmdOp), ...fixed },
  });
  const fullCommand = new DataView(new ArrayBuffer(uapi.size('nvme_uring_cmd')));
  uapi.write(fullCommand, 'nvme_uring_cmd', commandFields(pass.command));
  const { offset } = uapi.field(SQE, 'cmd');
  const room = Math.min(fullCommand.byteLength, view.byteLength - offset);
  new Uint8Array(view.buffer, view.byteOffset + offset, room).set(
    new Uint8Array(fullCommand.buffer, 0, room),
  );
}
