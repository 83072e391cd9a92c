import { closeSync } from 'node:fs';
import { ioMemory } from './pattern.ts';
import { openRing } from './ring.ts';
import type { SqeFields } from './sqe.ts';
import type { Test } from './test.ts';

/** Descriptors of the two ends of a stream. Node has no call that gives them out. */
export interface Sockets {
  sender: number;
  /** Opened with SOCK_NONBLOCK. */
  receiver: number;
}

/** How a stream is set up. */
export interface SocketOptions {
  /** Default `unix`. */
  family?: 'unix' | 'tcp';
  /** SO_RCVBUF of the receiver, bytes (the kernel doubles it): limits what TCP lets the sender send unread. */
  receiveBuffer?: number;
  /** SO_SNDBUF of the sender, bytes (the kernel doubles it). */
  sendBuffer?: number;
  /** Whether the sender is blocking; default true. */
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

/** Addresses of this process so far: each is used once. */
let addressCount = 0;

/** An unused address: struct sockaddr_un in the abstract namespace, or struct sockaddr_in on 127.0.0.1. */
function freshAddress(family: 'unix' | 'tcp'): Buffer {
  addressCount++;
  if (family === 'unix') {
    const name = Buffer.from(`..\0ringlab-${process.pid}-${addressCount}`);
    name.writeUInt16LE(AF_UNIX);
    return name;
  }
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET);
  // Below the kernel's ephemeral ports, which begin at 32768 (net.ipv4.ip_local_port_range).
  address.writeUInt16BE(20_000 + ((process.pid * 64 + addressCount) % 10_000), 2);
  address.set([127, 0, 0, 1], 4);
  return address;
}

/**
 * Connects two ends of a stream with io_uring requests; both are closed at the test's end. Throws SkipError when the kernel does not
 * have the requests (IORING_OP_BIND, IORING_OP_LISTEN), AssertionError when one fails.
 */
export async function connected(t: Test, options: SocketOptions = {}): Promise<Sockets> {
  const { family = 'unix', receiveBuffer, sendBuffer, blocking = true } = options;
  using ring = openRing(t, { shape: 'plain', entries: 1 });
  const name = freshAddress(family);
  const memory = ioMemory(t, name.length);
  memory.bytes.set(name);
  const address = { addr: memory.address, off: name.length };
  const run = async (sqe: SqeFields) => t.success(await ring.run(sqe), `CQE res of ${sqe.opcode}`);
  const open = async (sqe: SqeFields) => {
    const fd = await run(sqe);
    t.defer(() => closeSync(fd));
    return fd;
  };
  const value = ioMemory(t, 4);
  const setSize = async (fd: number, optname: number, bytes: number | undefined) => {
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
  const [listener, sender] = [await open(socket), await open(socket)];
  await setSize(listener, SO_RCVBUF, receiveBuffer);
  await setSize(sender, SO_SNDBUF, sendBuffer);
  await run({ opcode: 'IORING_OP_BIND', fd: listener, ...address });
  await run({ opcode: 'IORING_OP_LISTEN', fd: listener, len: 1 });
  await run({ opcode: 'IORING_OP_CONNECT', fd: sender, ...address });
  const accept = { opcode: 'IORING_OP_ACCEPT', fd: listener, more: { accept_flags: SOCK_NONBLOCK } };
  return { sender, receiver: await open(accept) };
}
