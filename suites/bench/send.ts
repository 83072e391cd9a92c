import { readSync, writeSync } from 'node:fs';
import { connected, ioMemory, openRing, type Sockets, type Test, test } from '../lib/index.ts';
import { measure } from './measure.ts';
import { exhaustFreeObjects } from './slab.ts';
import { INSTRUCTION_CLOCK, type LoadedRing } from './turns.ts';

const BYTES = 64;

/** Runs a call on a non-blocking descriptor; false when it fails with EAGAIN. */
function tryCall(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}

/** Bytes that do not fit into the small head of an skb (SKB_SMALL_HEAD_SIZE, net/core/skbuff.c). */
const LARGE_BYTES = 2048;

/**
 * Allocates the free objects of both slab caches that an skb with a small head comes from, with data in flight on another socket pair.
 * An skb with a large head allocates only its `skbuff_head_cache` object, so each cache can be exhausted separately. Returns the
 * function that frees the objects.
 */
function exhaustSkbCaches({ sender, receiver }: Sockets): () => void {
  const sending = (bytes: number) => ({ add: () => tryCall(() => writeSync(sender, new Uint8Array(bytes))) });
  exhaustFreeObjects('skbuff_small_head', sending(1));
  exhaustFreeObjects('skbuff_head_cache', sending(LARGE_BYTES));
  return () => void tryCall(() => readSync(receiver, new Uint8Array(1 << 20)));
}

function load(t: Test, depth: number, { sender, receiver }: Sockets): LoadedRing {
  const ring = openRing(t, { shape: 'plain', entries: depth });
  const { address } = ioMemory(t, BYTES, 1);
  ring.registerFiles([sender]);
  for (let index = 0; index < depth; index++)
    ring.sqe({ opcode: 'IORING_OP_SEND', fd: 0, flags: ['IOSQE_FIXED_FILE'], addr: address, len: BYTES });
  return { ring, release: () => ring.close(), turn: { drain: receiver } };
}

/** Sends every request once, so that only requests that succeed are measured. */
async function check(t: Test, depth: number, sockets: Sockets): Promise<void> {
  const { ring, release } = load(t, depth, sockets);
  for (const [index, { res }] of (await ring.complete()).entries())
    t.equal(res, BYTES, `CQE res of send ${index}`);
  const received = readSync(sockets.receiver, new Uint8Array(2 * depth * BYTES));
  t.equal(received, depth * BYTES, 'bytes received');
  release();
}

/** Registers the test of sends that complete at submission: the receiver is drained between the turns. */
export function benchSend(depth: number): void {
  const needs = { uapi: ['IORING_OP_BIND', 'IORING_OP_SEND'], facts: INSTRUCTION_CLOCK };
  test(`send ${BYTES} depth ${depth}`, needs, async (t) => {
    const sockets = await connected(t);
    const fillers = await connected(t, { blocking: false });
    await check(t, depth, sockets);
    measure(t, () => {
      const loaded = load(t, depth, sockets);
      const freeObjects = exhaustSkbCaches(fillers);
      const release = () => {
        loaded.release();
        freeObjects();
      };
      return { ...loaded, release };
    });
  });
}
