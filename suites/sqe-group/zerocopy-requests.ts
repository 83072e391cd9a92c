import { readSync } from 'node:fs';
import {
  type Cqe,
  connected,
  ioMemory,
  iovecs,
  resultName,
  type Sockets,
  type SqeFields,
  type Test,
  until,
} from '../lib/index.ts';

/** The opcodes that post a notification after their CQE. */
export const ZERO_COPY_OPCODES = ['IORING_OP_SEND_ZC', 'IORING_OP_SENDMSG_ZC'] as const;

/** sizeof(struct msghdr), and the offsets of msg_iov and msg_iovlen in it, on 64-bit machines (linux/socket.h). */
const MSGHDR = { size: 56, iov: 16, iovlen: 24 };
/** Bytes that each send transfers. */
export const SENT = 64;

/** A zero-copy send of `SENT` bytes over a socket (`fd`). */
export function zeroCopySend(t: Test, opcode: string, fd: number, userData: number): SqeFields {
  const data = ioMemory(t, SENT, userData);
  if (opcode === 'IORING_OP_SEND_ZC') return { opcode, fd, addr: data.address, len: SENT, userData };
  const vector = t.use(iovecs([data]));
  const header = ioMemory(t, MSGHDR.size);
  header.view.setBigUint64(MSGHDR.iov, vector.address, true);
  header.view.setBigUint64(MSGHDR.iovlen, 1n, true);
  return { opcode, fd, addr: header.address, len: 1, userData };
}

/** As `zeroCopySend`, over a new TCP connection. */
export async function zeroCopySendTcp(t: Test, opcode: string, userData: number): Promise<SqeFields> {
  const { sender } = await connected(t, { family: 'tcp' });
  return zeroCopySend(t, opcode, sender, userData);
}

/** Tags with their results in order of arrival, notifications marked: `['2:64', '2:0 notification']`. */
export function withNotifications(t: Test, cqes: readonly Cqe[]): string[] {
  const notification = t.uapi.constant('IORING_CQE_F_NOTIF');
  return cqes.map(
    ({ tag, res, flags }) => `${tag}:${resultName(res)}${flags & notification ? ' notification' : ''}`,
  );
}

/** Reads `length` bytes from the receiver, as they arrive. Throws Error when they do not. */
export async function discard({ receiver }: Sockets, length: number): Promise<void> {
  let left = length;
  const isComplete = () => {
    try {
      while (left > 0) left -= readSync(receiver, new Uint8Array(left));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    return left <= 0;
  };
  await until(`${length} bytes are received`, isComplete);
}
