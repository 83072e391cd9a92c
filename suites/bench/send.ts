import { readSync, writeSync } from 'node:fs';
import { connected, ioMemory, openRing, type Sockets, type Test, test } from '../lib/index.ts';
import { measure } from './figures.ts';
import { COUNTING } from './loaded.ts';
import { takeFree } from './slab.ts';

const BYTES = 64;

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
    const others = await connected(t, { blocking: false });
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
