import { before } from '../binding/index.ts';
import {
  type File,
  ioMemory,
  type Memory,
  memberError,
  pattern,
  type SqeFields,
  type Test,
} from '../lib/index.ts';
import type { UblkClient } from '../lib/ublk/client.ts';
import { pathOptions, ZERO_COPY } from '../lib/ublk/datapath.ts';
import { MIB, startServer, temporaryPath } from '../lib/ublk/fixtures.ts';
import type { Completion, PumpSqe } from '../lib/ublk/pump.ts';
import type { Port } from '../lib/ublk/queue.ts';
import type { BlockRequest } from '../lib/ublk/request.ts';
import type { ServerOptions, UblkServer } from '../lib/ublk/server.ts';
import { fileTarget } from '../lib/ublk/target.ts';

/** Fills a reader's memory before the read: a byte of this value in the result is leaked memory. */
export const STALE = 0xa5;

/** Length of the requests whose completion is tested, bytes. */
export const LENGTH = 8192;

/** How long a promise that must stay pending is watched, ms. */
const WATCH_MS = 300;

/** Whether a promise that must stay pending is fulfilled within 300 ms. Rejects if the promise does. */
export const settlesSoon = (promise: Promise<unknown>): Promise<boolean> =>
  before(performance.now() + WATCH_MS, promise);

/** CQEs in order of arrival as `tag:res`: `['1:0', '2:-5']`. */
export const taggedResults = (cqes: readonly { tag: number; res: number }[]): string[] =>
  cqes.map(({ tag, res }) => `${tag}:${res}`);

/** A client's request that has reached the server and is answered by the test. */
export interface PendingRequest {
  server: UblkServer;
  client: UblkClient;
  request: BlockRequest;
  /** The ring of the request's queue. */
  port: Port;
  /** The client's memory: full of STALE for a read, a pattern for a write. */
  memory: Memory;
  /** The client's CQE. */
  completion: Promise<Completion>;
  /** Commits a result, bytes or -errno, without waiting for the client. */
  commit(result: number): void;
  /** Commits the whole length and asserts that the client's request succeeds. */
  complete(): Promise<void>;
  /** Commits -EIO and asserts that the client's request fails with it. */
  fail(): Promise<void>;
}

/** Adds a device that lends and has its client submit one request at offset 0. Throws Error if the request reaches no queue. */
export async function pendingRequest(
  t: Test,
  kind: 'READ' | 'WRITE',
  length = 4096,
  options: Partial<ServerOptions> = {},
): Promise<PendingRequest> {
  const { server, client } = await startServer(t, {
    ...pathOptions(ZERO_COPY),
    target: ZERO_COPY.scratch(t, MIB),
    ...options,
  });
  const gate = server.holdBack();
  const memory = ioMemory(t, length);
  memory.bytes.set(kind === 'READ' ? new Uint8Array(length).fill(STALE) : pattern(length, 42));
  const completion = client.transfer(kind, memory, 0);
  const [request] = await gate.arrived();
  const port = request && server.queues[request.queue];
  if (!port) throw new Error('the client request reached no queue of the server');
  const commit = (result: number) => gate.release(result);
  const quantity = `CQE res of the client ${request.kind}`;
  const complete = async () => {
    commit(length);
    t.equal((await completion).res, length, quantity);
  };
  const fail = async () => {
    commit(-t.uapi.constant('EIO'));
    t.errno(await completion, 'EIO', quantity);
  };
  return { server, client, request, port, memory, completion, commit, complete, fail };
}

/** Asserts that a reader's memory holds nothing but zeroes. */
export function assertZeroed(t: Test, { memory }: Pick<PendingRequest, 'memory'>): void {
  t.ok(!memory.bytes.includes(STALE), 'no stale byte is left in the client memory');
  t.bytes(memory.bytes, new Uint8Array(memory.length), 'client memory');
}

/**
 * A ublk command about the pending request as a plain SQE, for rings other than the queue's. `name`: UBLK_U_IO_ name of the
 * command; `result`: the committed result, bytes.
 */
export function commandSqe(
  t: Test,
  { request: { queue, tag }, port }: Pick<PendingRequest, 'request' | 'port'>,
  name: string,
  more: SqeFields['more'] = {},
  result = 0,
): SqeFields {
  // struct ublksrv_io_cmd (linux/ublk_cmd.h) starts at the SQE's cmd[], whose first eight bytes are also the field addr3.
  const addr3 = BigInt(queue) | (BigInt(tag) << 16n) | (BigInt(result) << 32n);
  const cmd_op = t.uapi.constant(name);
  return { opcode: 'IORING_OP_URING_CMD', fd: port.char.fd, more: { cmd_op, addr3, ...more } };
}

/** The leader that lends the pending request, for rings other than the queue's. */
export const leaderSqe = (t: Test, pending: Pick<PendingRequest, 'request' | 'port'>): SqeFields =>
  commandSqe(t, pending, 'UBLK_U_IO_PROVIDE_IO_BUF', {
    uring_cmd_flags: t.uapi.constant('IORING_PROVIDE_GROUP_KBUF'),
  });

/** A member that reads or writes a file. `at`: offset into the lent memory; `len`: bytes; `off`: offset into the file. */
export function member(
  kind: 'READ' | 'WRITE',
  { fd }: Pick<File, 'fd'>,
  at: number | bigint,
  len: number,
  off = 0,
): PumpSqe {
  return { opcode: `IORING_OP_${kind}`, fd, addr: BigInt(at), len, off };
}

/** A file on a tmpfs that holds a pattern. */
export function patternFile(t: Test, length: number, seed: number): { file: File; bytes: Uint8Array } {
  const { file } = fileTarget(t, temporaryPath(t), length);
  const bytes = pattern(length, seed);
  t.equal(file.write(bytes, 0), length, 'bytes written to the pattern file');
  return { file, bytes };
}

/** A file on a tmpfs that holds `length` zeroes; `contents` reads all of it. */
export function zeroFile(t: Test, length: number): { file: File; contents(): Uint8Array } {
  const { file } = fileTarget(t, temporaryPath(t), length);
  const contents = () => {
    const bytes = new Uint8Array(length);
    t.equal(file.read(bytes, 0), length, 'bytes read back from the file');
    return bytes;
  };
  return { file, contents };
}

/** As `results`, of a group whose leader fails: see `memberError`. */
export const failedResults = (t: Test, [leader, ...members]: readonly { res: number }[]): number[] => [
  ...(leader ? [leader.res] : []),
  ...members.map(({ res }) => memberError(t, res)),
];

/** CQE results in order of submission: the leader's first. */
export const results = (answered: readonly Completion[]): number[] => answered.map(({ res }) => res);
