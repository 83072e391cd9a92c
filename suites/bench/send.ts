import { closeSync, readSync, writeSync } from 'node:fs';
import { ioMemory, openRing, type SqeFields, type Test, test } from '../lib/index.ts';
import { measure } from './figures.ts';
import { COUNTING } from './loaded.ts';
import { takeFree } from './slab.ts';

const BYTES = 64;
/** AF_UNIX (linux/socket.h), SOCK_STREAM and SOCK_NONBLOCK (linux/net.h). */
const UNIX = 1;
const STREAM = 1;
const NONBLOCKING = 0o4000;

interface Sockets {
  sender: number;
  /** Does not block. */
  receiver: number;
}

let made = 0;

/** Two ends of a stream. Made by requests: node has no call that gives descriptors, and bytes can be taken from these at once. */
async function connected(t: Test, type = STREAM): Promise<Sockets> {
  using ring = openRing(t, { shape: 'plain', entries: 1 });
  const name = Buffer.from(`..\0ringlab-${made++}`);
  name.writeUInt16LE(UNIX);
  const memory = ioMemory(t, name.length);
  memory.bytes.set(name);
  const address = { addr: memory.address, off: name.length };
  const run = async (sqe: SqeFields) => t.success(await ring.run(sqe), String(sqe.opcode));
  const opened = async (sqe: SqeFields) => {
    const fd = await run(sqe);
    t.defer(() => closeSync(fd));
    return fd;
  };
  const socket = { opcode: 'IORING_OP_SOCKET', fd: UNIX, off: type };
  const [listener, sender] = [await opened(socket), await opened(socket)];
  await run({ opcode: 'IORING_OP_BIND', fd: listener, ...address });
  await run({ opcode: 'IORING_OP_LISTEN', fd: listener, len: 1 });
  await run({ opcode: 'IORING_OP_CONNECT', fd: sender, ...address });
  const accept = { opcode: 'IORING_OP_ACCEPT', fd: listener, more: { accept_flags: NONBLOCKING } };
  return { sender, receiver: await opened(accept) };
}

/** False where it would have to wait. */
function atOnce(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}

/** More than a small buffer's head holds (SKB_SMALL_HEAD_SIZE, net/core/skbuff.c). */
const LARGE = 2048;

/**
 * Takes the free objects of both caches that a buffer is made of, by what is on its way over another socket. A large one takes its
 * head from elsewhere, so each cache can be brought to the beginning of a slab. Gives what sets them free.
 */
function fillBuffers({ sender, receiver }: Sockets): () => void {
  const holding = (bytes: number) => ({ add: () => atOnce(() => writeSync(sender, new Uint8Array(bytes))) });
  takeFree('skbuff_small_head', holding(1));
  takeFree('skbuff_head_cache', holding(LARGE));
  return () => void atOnce(() => readSync(receiver, new Uint8Array(1 << 20)));
}

function load(t: Test, depth: number, { sender, receiver }: Sockets) {
  const ring = openRing(t, { shape: 'plain', entries: depth });
  const { address } = ioMemory(t, BYTES, 1);
  ring.registerFiles([sender]);
  for (let index = 0; index < depth; index++)
    ring.sqe({ opcode: 'IORING_OP_SEND', fd: 0, flags: ['IOSQE_FIXED_FILE'], addr: address, len: BYTES });
  return { ring, end: () => ring.close(), turn: { drain: receiver } };
}

/** Sends over a socket whose other end is emptied between the turns: they complete while they are submitted. */
export function benchSend(depth: number): void {
  const needs = { uapi: ['IORING_OP_BIND', 'IORING_OP_SEND'], facts: COUNTING };
  test(`send ${BYTES} depth ${depth}`, needs, async (t) => {
    const sockets = await connected(t);
    const others = await connected(t, STREAM | NONBLOCKING);
    const { ring, end } = load(t, depth, sockets);
    for (const { res } of await ring.complete()) t.equal(res, BYTES);
    t.equal(readSync(sockets.receiver, new Uint8Array(2 * depth * BYTES)), depth * BYTES);
    end();
    measure(t, () => {
      const loaded = load(t, depth, sockets);
      const free = fillBuffers(others);
      const done = () => {
        loaded.end();
        free();
      };
      return { ...loaded, end: done };
    });
  });
}
