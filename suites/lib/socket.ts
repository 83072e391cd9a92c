import { closeSync } from 'node:fs';
import { ioMemory } from './pattern.ts';
import { openRing } from './ring.ts';
import type { SqeFields } from './sqe.ts';
import type { Test } from './test.ts';

/** Two ends of a stream: descriptors, which node has no call to make. */
export interface Sockets {
  sender: number;
  /** Does not block. */
  receiver: number;
}

export interface SocketOptions {
  /** Default `unix`. */
  family?: 'unix' | 'tcp';
  /** SO_RCVBUF of the receiver, bytes as asked for: what TCP lets the sender send unread. */
  receiveBuffer?: number;
  /** SO_SNDBUF of the sender, bytes. */
  sendBuffer?: number;
  /** Whether the sender waits where it has to; default true. */
  blocking?: boolean;
}

/** linux/socket.h, linux/net.h, asm-generic/socket.h. */
const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;

let made = 0;

/** An address that nobody else has: struct sockaddr_un in the abstract space, or struct sockaddr_in on 127.0.0.1. */
function freshAddress(family: 'unix' | 'tcp'): Buffer {
  made++;
  if (family === 'unix') {
    const name = Buffer.from(`..\0ringlab-${process.pid}-${made}`);
    name.writeUInt16LE(AF_UNIX);
    return name;
  }
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET);
  // Below those that the kernel gives away.
  address.writeUInt16BE(20_000 + ((process.pid * 64 + made) % 10_000), 2);
  address.set([127, 0, 0, 1], 4);
  return address;
}

/** Connects two ends of a stream by requests of io_uring. Closed at the test's end. */
export async function connected(t: Test, options: SocketOptions = {}): Promise<Sockets> {
  const { family = 'unix', receiveBuffer, sendBuffer, blocking = true } = options;
  using ring = openRing(t, { shape: 'plain', entries: 1 });
  const name = freshAddress(family);
  const memory = ioMemory(t, name.length);
  memory.bytes.set(name);
  const address = { addr: memory.address, off: name.length };
  const run = async (sqe: SqeFields) => t.success(await ring.run(sqe), String(sqe.opcode));
  const opened = async (sqe: SqeFields) => {
    const fd = await run(sqe);
    t.defer(() => closeSync(fd));
    return fd;
  };
  const value = ioMemory(t, 4);
  const set = async (fd: number, optname: number, bytes: number | undefined) => {
    if (bytes === undefined) return;
    value.view.setInt32(0, bytes, true);
    const more = {
      ...{ cmd_op: t.uapi.constant('SOCKET_URING_OP_SETSOCKOPT'), level: SOL_SOCKET, optname },
      ...{ optlen: 4, optval: value.address },
    };
    await run({ opcode: 'IORING_OP_URING_CMD', fd, more });
  };
  const type = SOCK_STREAM | (blocking ? 0 : SOCK_NONBLOCK);
  const socket = { opcode: 'IORING_OP_SOCKET', fd: family === 'unix' ? AF_UNIX : AF_INET, off: type };
  const [listener, sender] = [await opened(socket), await opened(socket)];
  await set(listener, SO_RCVBUF, receiveBuffer);
  await set(sender, SO_SNDBUF, sendBuffer);
  await run({ opcode: 'IORING_OP_BIND', fd: listener, ...address });
  await run({ opcode: 'IORING_OP_LISTEN', fd: listener, len: 1 });
  await run({ opcode: 'IORING_OP_CONNECT', fd: sender, ...address });
  const accept = { opcode: 'IORING_OP_ACCEPT', fd: listener, more: { accept_flags: SOCK_NONBLOCK } };
  return { sender, receiver: await opened(accept) };
}
