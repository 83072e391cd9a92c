import {
  enter,
  Memory,
  openRing,
  pread,
  pwrite,
  runScript,
  type Step,
  type Test,
  type TestRing,
  type UapiTable,
} from '../lib/index.ts';
import { type PumpSqe, writePumpSqe } from '../lib/ublk/pump.ts';
import type { Queue } from '../lib/ublk/queue.ts';
import type { BlockRequest } from '../lib/ublk/request.ts';
import { transferSqe } from '../lib/ublk/strategy.ts';
import type { Target } from '../lib/ublk/target.ts';
import { DEFER_TASKRUN } from './turns.ts';

/** A request that the server has fetched and not committed. */
export interface FetchedRequest {
  queue: Queue;
  request: BlockRequest;
  /** File descriptor of /dev/ublkbN. */
  fd: number;
}

/** A client's ring, and its memory for one transfer. */
export interface BenchClient {
  ring: TestRing;
  memory: Memory;
}

const openCycleRing = (t: Test) => openRing(t, { shape: 'plain', entries: 4, flags: DEFER_TASKRUN });

/**
 * Registers a buffer without physically contiguous pages with a ring. It stays until the test ends, so that the next buffer gets other
 * pages.
 */
function registerBuffer(t: Test, ring: TestRing, bytes: number): Memory {
  const memory = t.use(new Memory(bytes, 'scattered'));
  ring.registerBuffers([memory]);
  return memory;
}

/** Opens a client's ring with a registered buffer of `bytes` bytes. Both are released when the test ends. */
export function openClient(t: Test, bytes: number): BenchClient {
  const ring = openCycleRing(t);
  return { ring, memory: registerBuffer(t, ring, bytes) };
}

/** The SQE with which a client sends a request of this kind, length and offset to the block device `fd`. */
export function clientSqe(
  { memory }: BenchClient,
  fd: number,
  { kind, length, offset }: Pick<BlockRequest, 'kind' | 'length' | 'offset'>,
): PumpSqe {
  const opcode = `IORING_OP_${kind.toUpperCase()}_FIXED`;
  return { opcode, fd, addr: memory.address, len: length, off: offset, bufIndex: 0 };
}

/** The bytes of an SQE for a script, whose `user_data` is the expected result. */
function sqeBytes(uapi: UapiTable, fields: PumpSqe, expected: number): Uint8Array {
  const bytes = new Uint8Array(uapi.size('io_uring_sqe'));
  writePumpSqe(new DataView(bytes.buffer), uapi, fields, expected);
  return bytes;
}

/** Makes the steps with which the server moves the data of a fetched request between the client and the target. */
export type TransferSteps = (t: Test, ring: TestRing, fetched: FetchedRequest, target: Target) => Step[];

/** User copy: through memory of the server, which is registered with its ring so that pinning it is not measured. */
export const userCopySteps: TransferSteps = (t, ring, { queue, request }, target) => {
  const { char, uapi } = queue;
  const { address, bytes } = registerBuffer(t, ring, request.length);
  const plain = transferSqe(target, request, address, uapi);
  const fixed = sqeBytes(uapi, { ...plain, opcode: `${plain.opcode}_FIXED`, bufIndex: 0 }, request.length);
  const transfer = enter('target transfer', ring, [fixed], 1);
  const position = queue.position(request);
  return request.kind === 'read'
    ? [transfer, pwrite('pwrite to ublk', char.fd, bytes, position)]
    : [pread('pread from ublk', char.fd, bytes, position), transfer];
};

/** Zero copy: the target's file uses the request's pages. The server has no memory that they could be copied to. */
export const zeroCopySteps: TransferSteps = (_t, ring, { queue, request }, target) => {
  const expected = [0, request.length];
  const group = queue.groupSqes(request, transferSqe(target, request, 0n, queue.uapi));
  const sqes = group.map((sqe, index) => sqeBytes(queue.uapi, sqe, expected[index] ?? 0));
  return [enter('group', ring, sqes, sqes.length)];
};

/**
 * The steps from one fetched request to the next: the server moves the data and commits, the client that waits (`current`) reaps its
 * completion, and `next`, possibly another client, sends the same request again.
 */
function turnSteps(
  { queue, request, fd }: FetchedRequest,
  ring: TestRing,
  transfer: readonly Step[],
  { current, next }: { current: BenchClient; next: BenchClient },
): Step[] {
  const { uapi } = queue;
  const commit = sqeBytes(uapi, queue.commit(request, request.length), uapi.constant('UBLK_IO_RES_OK'));
  const send = sqeBytes(uapi, clientSqe(next, fd, request), request.length);
  return [
    ...transfer,
    enter('commit', ring, [commit], 0),
    enter('client wait', current.ring, [], 1),
    enter('client submission', next.ring, [send], 0),
    enter('server wait', ring, [], 1),
  ];
}

/**
 * Server and client in one thread, which makes their system calls in turn. Between the turns the server holds a fetched request, with
 * the same queue, tag and range each time.
 */
export class Cycle {
  readonly #t: Test;
  readonly #fetched: FetchedRequest;
  readonly #transferSteps: TransferSteps;
  #client: BenchClient;

  /** `client` has sent the fetched request. */
  constructor(t: Test, client: BenchClient, fetched: FetchedRequest, transferSteps: TransferSteps) {
    this.#t = t;
    this.#client = client;
    this.#fetched = fetched;
    this.#transferSteps = transferSteps;
  }

  /** The client that waits for the fetched request. */
  get client(): BenchClient {
    return this.#client;
  }

  /**
   * Answers the fetched request from `target` through a new ring of the server, and receives the next one from a new client. Returns the
   * steps of further turns with these two rings, and `release`, which closes the server's. Throws SyscallError with the name of
   * a step that failed.
   */
  begin(target: Target): { steps: Step[]; release(): void } {
    const [current, next] = [this.#client, openClient(this.#t, this.#fetched.request.length)];
    const ring = openCycleRing(this.#t);
    const transfer = this.#transferSteps(this.#t, ring, this.#fetched, target);
    runScript(turnSteps(this.#fetched, ring, transfer, { current, next }), new Float64Array(1));
    current.ring.close();
    this.#client = next;
    const steps = turnSteps(this.#fetched, ring, transfer, { current: next, next });
    return { steps, release: () => ring.close() };
  }
}
