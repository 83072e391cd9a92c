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
}

const SQE = 'io_uring_sqe';

/**
 * Writes an SQE with the offsets and numbers of the kernel under test. Throws SkipError for an opcode, flag or field that it does not
 * have.
 */
export function writeSqe(view: DataView, uapi: UapiTable, sqe: SqeFields): void {
  const opcode = typeof sqe.opcode === 'number' ? sqe.opcode : uapi.constant(sqe.opcode);
  const flags = typeof sqe.flags === 'number' ? sqe.flags : uapi.bits(...(sqe.flags ?? []));
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

/** The fields of struct nvme_uring_cmd; lengths are bytes, fields left out are 0. */
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

/** The command under the field names of struct nvme_uring_cmd, which struct nvme_passthru_cmd64 of the ioctls shares. */
export function commandFields(command: NvmeCommand): Record<string, number | bigint | undefined> {
  const { metadataLength, dataLength, timeoutMs, ...sameName } = command;
  return { ...sameName, metadata_len: metadataLength, data_len: dataLength, timeout_ms: timeoutMs };
}

/**
 * Writes a passthrough SQE. A 64-byte SQE holds only the first 16 bytes of the command; the rest is cut off, so that a test can see the
 * kernel refuse it. Throws SkipError for names that the kernel does not have.
 */
export function writePassthrough(view: DataView, uapi: UapiTable, pass: Passthrough): void {
  const { cmdOp = 'NVME_URING_CMD_IO', bufIndex } = pass;
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
