import { groupMarking, type UapiTable } from '../index.ts';
import type { PumpSqe } from './pump.ts';
import type { Port, Strategy } from './queue.ts';
import type { BlockRequest } from './request.ts';
import type { Target } from './target.ts';

/** Makes the strategy of a target. Throws SkipError where the kernel cannot do it. */
export type Answering = (target: Target, uapi: UapiTable) => Strategy;

/** A write of nothing would be sent again for ever (__ublk_complete_rq); a read of nothing is an error there, too. */
const moved = (res: number, uapi: UapiTable) => (res === 0 ? -uapi.constant('EIO') : res);

/** The transfer of a request's data between its target and `addr`: memory, or an offset into a buffer that the leader lends. */
export function transfer({ fd }: Target, request: BlockRequest, addr: bigint, uapi: UapiTable): PumpSqe {
  const stable = request.kind === 'write' && request.fua;
  return {
    ...{ opcode: request.kind === 'read' ? 'IORING_OP_READ' : 'IORING_OP_WRITE', fd, addr },
    ...{ len: request.length, off: request.offset },
    more: stable ? { rw_flags: uapi.constant('RWF_DSYNC') } : {},
  };
}

/** Flushes are the same in all ways to move data; undefined when there is data to move. */
async function withoutData({ fd }: Target, { kind }: BlockRequest, port: Port): Promise<number | undefined> {
  if (kind === 'read' || kind === 'write') return undefined;
  if (kind === 'other') return -port.uapi.constant('EOPNOTSUPP');
  if (fd === undefined) return 0;
  const [synced] = await port.send({ opcode: 'IORING_OP_FSYNC', fd });
  return synced?.res ?? 0;
}

/** Between a request's pages and memory of the server, in the kernel and at once: there is nothing to wait for. */
export function copyOut(request: BlockRequest, port: Port, bytes: Uint8Array): number {
  return port.char.read(bytes, port.position(request));
}

export function copyIn(request: BlockRequest, port: Port, bytes: Uint8Array): number {
  return port.char.write(bytes, port.position(request));
}

/** Data goes through the server's memory, by pread and pwrite on /dev/ublkcN (UBLK_F_USER_COPY). */
export const userCopy: Answering = (target) => async (request, port) => {
  const { kind, offset, length } = request;
  const done = await withoutData(target, request, port);
  if (done !== undefined) return done;
  if (target.memory) {
    const bytes = target.memory.bytes.subarray(offset, offset + length);
    return kind === 'read' ? copyIn(request, port, bytes) : copyOut(request, port, bytes);
  }
  const { address, bytes } = port.buffer(request);
  if (kind === 'write') copyOut(request, port, bytes.subarray(0, length));
  const [answered] = await port.send(transfer(target, request, address, port.uapi));
  const res = moved(answered?.res ?? 0, port.uapi);
  if (kind === 'read' && res > 0) return copyIn(request, port, bytes.subarray(0, res));
  return res;
};

/** Names that a kernel needs for `zeroCopy`. */
export const ZERO_COPY_UAPI = ['UBLK_U_IO_PROVIDE_IO_BUF', 'IORING_PROVIDE_GROUP_KBUF'];

/** The target's file reads or writes the request's own pages: a leader lends them to the one member of its group. */
export const zeroCopy: Answering = (target, uapi) => {
  for (const name of ZERO_COPY_UAPI) uapi.constant(name);
  groupMarking(uapi);
  if (target.fd === undefined) throw new TypeError('zero copy needs a target that is open');
  return async (request, port) => {
    const done = await withoutData(target, request, port);
    if (done !== undefined) return done;
    const [leader, member] = await port.group(request, transfer(target, request, 0n, uapi));
    if (leader && leader.res < 0) return leader.res;
    return moved(member?.res ?? 0, uapi);
  };
};
