import type { UapiTable } from './uapi.ts';

/** Fields of struct io_uring_sqe that tests set; any other by its name in the header. */
export interface SqeFields {
  /** Name of the opcode, e.g. `IORING_OP_READ`; or its number. */
  opcode: string | number;
  /** Names of IOSQE_ flags, or their bits. */
  flags?: readonly string[] | number;
  fd?: number;
  addr?: bigint;
  len?: number;
  off?: number | bigint;
  userData?: number | bigint;
  bufIndex?: number;
  /** Other fields by header name (`rw_flags`, `cmd_op`, `uring_cmd_flags`...). */
  more?: Record<string, number | bigint>;
}

const SQE = 'io_uring_sqe';

/** Writes an SQE: offsets and numbers are those of the kernel under test. */
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

/** An NVMe command as struct nvme_uring_cmd has it; lengths are bytes. */
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

/** How a command is passed through. */
export interface Passthrough {
  fd: number;
  command: NvmeCommand;
  /** Default `NVME_URING_CMD_IO`. */
  cmdOp?: string | number;
  flags?: SqeFields['flags'];
  userData?: number | bigint;
  /** Use this registered buffer (sets IORING_URING_CMD_FIXED). */
  bufIndex?: number;
}

/** Header names of the command's fields; equal in nvme_uring_cmd and in the ioctls' nvme_passthru_cmd64. */
export function commandFields(command: NvmeCommand): Record<string, number | bigint | undefined> {
  const { metadataLength, dataLength, timeoutMs, ...same } = command;
  return { ...same, metadata_len: metadataLength, data_len: dataLength, timeout_ms: timeoutMs };
}

/** Writes a passthrough SQE. In a 64-byte SQE the command is cut off: what the kernel says to that is its own matter. */
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
  const whole = new DataView(new ArrayBuffer(uapi.size('nvme_uring_cmd')));
  uapi.write(whole, 'nvme_uring_cmd', commandFields(pass.command));
  const { offset } = uapi.field(SQE, 'cmd');
  const room = Math.min(whole.byteLength, view.byteLength - offset);
  new Uint8Array(view.buffer, view.byteOffset + offset, room).set(new Uint8Array(whole.buffer, 0, room));
}
