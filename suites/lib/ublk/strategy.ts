import { groupMarking, type UapiTable } from '../base.ts';
import type { PumpSqe } from './pump.ts';
import type { Port, Strategy } from './queue.ts';
import type { BlockRequest } from './request.ts';
import type { Target } from './target.ts';

/** Makes the strategy that answers requests from `target`. Throws SkipError where the kernel lacks an interface that it needs. */
export type StrategyFactory = (target: Target, uapi: UapiTable) => Strategy;

/**
 * Result to commit. A transfer of 0 bytes becomes -EIO: the driver would requeue a write of 0 bytes forever, and it fails a read of
 * 0 bytes with EIO too (__ublk_complete_rq).
 */
const commitResult = (res: number, uapi: UapiTable) => (res === 0 ? -uapi.constant('EIO') : res);

/** The SQE that moves a request's data between the target and `addr`: an address, or an offset into what the leader lends. */
export function transferSqe({ fd }: Target, request: BlockRequest, addr: bigint, uapi: UapiTable): PumpSqe {
  const fua = request.kind === 'write' && request.fua;
  return {
    ...{ opcode: request.kind === 'read' ? 'IORING_OP_READ' : 'IORING_OP_WRITE', fd, addr },
    ...{ len: request.length, off: request.offset },
    more: fua ? { rw_flags: uapi.constant('RWF_DSYNC') } : {},
  };
}

/** The result to commit for a flush (0 or -errno) or an unknown operation (-EOPNOTSUPP); undefined for a read or write. */
async function answerWithoutData(
  { fd }: Target,
  { kind }: BlockRequest,
  port: Port,
): Promise<number | undefined> {
  if (kind === 'read' || kind === 'write') return undefined;
  if (kind === 'other') return -port.uapi.constant('EOPNOTSUPP');
  if (fd === undefined) return 0;
  const [fsync] = await port.send({ opcode: 'IORING_OP_FSYNC', fd });
  return fsync?.res ?? 0;
}

/**
 * Copies the data of a write from the request's pages to `bytes`: a synchronous pread on /dev/ublkcN, which does not wait for I/O.
 * Returns the bytes copied. Throws SyscallError.
 */
export function copyOut(request: BlockRequest, port: Port, bytes: Uint8Array): number {
  return port.char.read(bytes, port.position(request));
}

/** Copies `bytes` to the pages of a read: a synchronous pwrite on /dev/ublkcN. Returns the bytes copied. Throws SyscallError. */
export function copyIn(request: BlockRequest, port: Port, bytes: Uint8Array): number {
  return port.char.write(bytes, port.position(request));
}

/** UBLK_F_USER_COPY: data goes through memory of the server, by pread and pwrite on /dev/ublkcN. */
export const userCopy: StrategyFactory = (target) => async (request, port) => {
  const { kind, offset, length } = request;
  const result = await answerWithoutData(target, request, port);
  if (result !== undefined) return result;
  if (target.memory) {
    const bytes = target.memory.bytes.subarray(offset, offset + length);
    return kind === 'read' ? copyIn(request, port, bytes) : copyOut(request, port, bytes);
  }
  const { address, bytes } = port.buffer(request);
  if (kind === 'write') copyOut(request, port, bytes.subarray(0, length));
  const [completion] = await port.send(transferSqe(target, request, address, port.uapi));
  const res = commitResult(completion?.res ?? 0, port.uapi);
  if (kind === 'read' && res > 0) return copyIn(request, port, bytes.subarray(0, res));
  return res;
};

/** Names that the kernel's headers must have for `zeroCopy` (kernels/series/group-kbuf). */
export const ZERO_COPY_UAPI = ['UBLK_U_IO_PROVIDE_IO_BUF', 'IORING_PROVIDE_GROUP_KBUF'];

/**
 * UBLK_F_SUPPORT_ZERO_COPY: the target's file reads or writes the request's pages, which the leader of a group lends to its only
 * member. Throws TypeError for a target in memory.
 */
export const zeroCopy: StrategyFactory = (target, uapi) => {
  for (const name of ZERO_COPY_UAPI) uapi.constant(name);
  groupMarking(uapi);
  if (target.fd === undefined) throw new TypeError('zero copy needs a target with a file descriptor');
  return async (request, port) => {
    const result = await answerWithoutData(target, request, port);
    if (result !== undefined) return result;
    const [leader, member] = await port.group(request, transferSqe(target, request, 0n, uapi));
    if (leader && leader.res < 0) return leader.res;
    return commitResult(member?.res ?? 0, uapi);
  };
};
