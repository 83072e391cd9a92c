import {
  connected,
  ioMemory,
  iovecs,
  type Memory,
  type Pipe,
  pipe,
  type SqeFields,
  type Test,
} from '../lib/index.ts';
import { type GroupRing, nop, pipeRead, range } from './groups.ts';
import { timeout } from './waits.ts';
import { SENT, zeroCopySend } from './zerocopy-requests.ts';

const BUFFER_GROUP = 7;
/** More than a request has room for, so that preparing it allocates memory. */
const IOVECS = 20;
/** A personality that no ring has: a request with it fails (EINVAL) before its opcode's prep function is called. */
const UNKNOWN_PERSONALITY = 0x7777;

/** What the requests of a test use. */
export interface Fixture {
  t: Test;
  empty: Pipe;
  full: Pipe;
  socket: number;
  /** A path of 3000 bytes that does not exist. */
  path: Memory;
  buffers: Memory;
}

export async function fixture(t: Test): Promise<Fixture> {
  const path = ioMemory(t, 3001);
  path.bytes.set(Buffer.from('a/'.repeat(1500)));
  const { sender } = await connected(t, { family: 'tcp' });
  return { t, empty: pipe(t), full: pipe(t), socket: sender, path, buffers: ioMemory(t, 128) };
}

/** Kinds of requests whose preparation, wait or buffers leave something that their end must clean up. */
export const KINDS: Record<string, (fixed: Fixture, userData: number) => SqeFields> = {
  READ: ({ t, empty }, tag) => pipeRead(t, empty, tag),
  READV: ({ t, empty }, userData) => {
    const { address } = ioMemory(t, 1);
    const list = t.use(iovecs(range(0, IOVECS).map(() => ({ address, length: 1 }))));
    return {
      opcode: 'IORING_OP_READV',
      fd: empty.reader,
      addr: list.address,
      len: IOVECS,
      off: -1,
      userData,
    };
  },
  'READ of a provided buffer': ({ full }, userData) => ({
    ...{ opcode: 'IORING_OP_READ', fd: full.reader, len: 1, off: -1, userData },
    ...{ flags: ['IOSQE_BUFFER_SELECT'], more: { buf_group: BUFFER_GROUP } },
  }),
  SEND: ({ t, socket }, userData) => ({
    ...{ opcode: 'IORING_OP_SEND', fd: socket, addr: ioMemory(t, SENT).address, len: SENT, userData },
  }),
  SEND_ZC: ({ t, socket }, tag) => zeroCopySend(t, 'IORING_OP_SEND_ZC', socket, tag),
  SENDMSG_ZC: ({ t, socket }, tag) => zeroCopySend(t, 'IORING_OP_SENDMSG_ZC', socket, tag),
  OPENAT: ({ path }, userData) => ({ opcode: 'IORING_OP_OPENAT', fd: -100, addr: path.address, userData }),
  TIMEOUT: ({ t }, tag) => timeout(t, tag),
};

/** The same request, not prepared. */
export const unprepared = (sqe: SqeFields): SqeFields => ({
  ...sqe,
  more: { ...sqe.more, personality: UNKNOWN_PERSONALITY },
});

/** Adds flags to those of a request. */
export const flagged = (sqe: SqeFields, flag: string): SqeFields => ({
  ...sqe,
  flags: [...((sqe.flags ?? []) as readonly string[]), flag],
});

/**
 * Runs ten requests that leave pointers and results in the memory that the kernel keeps for the ring's next requests: reads that
 * waited in poll, zero-copy sends with their notifications, reads of provided buffers, and opens with long paths.
 */
export async function dirtyRequests(groupRing: GroupRing, fixed: Fixture): Promise<void> {
  const { empty, full, buffers, t } = fixed;
  groupRing.write({
    ...{ opcode: 'IORING_OP_PROVIDE_BUFFERS', fd: 2, addr: buffers.address, len: SENT, off: 0 },
    more: { buf_group: BUFFER_GROUP },
  });
  await groupRing.submitAndWait(1);
  for (const kind of ['READ', 'SEND_ZC', 'READ of a provided buffer', 'OPENAT'])
    for (const tag of [1, 2]) groupRing.write(KINDS[kind]?.(fixed, tag) ?? nop(tag));
  for (const source of [full, full]) source.feed();
  groupRing.submit();
  for (const source of [empty, empty]) source.feed();
  t.equal((await groupRing.ring.wait(10)).length, 10, 'CQEs of the requests before the group');
}
