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
import { transfer } from '../lib/ublk/strategy.ts';
import type { Target } from '../lib/ublk/target.ts';
import { DEFERRED } from './loaded.ts';

/** A request that the server has fetched and not answered, and the device that it came over. */
export interface InHand {
  queue: Queue;
  request: BlockRequest;
  /** /dev/ublkbN */
  fd: number;
}

/** A ring with memory for one transfer. */
export interface Client {
  ring: TestRing;
  memory: Memory;
}

const ringFor = (t: Test) => openRing(t, { shape: 'plain', entries: 4, flags: DEFERRED });

/** The ring's registered buffer, whose pages are no neighbours. It stays until the test's end, so that the next one's are others. */
function bufferOf(t: Test, ring: TestRing, bytes: number): Memory {
  const memory = t.use(new Memory(bytes, 'scattered'));
  ring.registerBuffers([memory]);
  return memory;
}

export function openClient(t: Test, bytes: number): Client {
  const ring = ringFor(t);
  return { ring, memory: bufferOf(t, ring, bytes) };
}

/** What the client asks for: a request of this kind, length and place. */
export function asking(
  { memory }: Client,
  fd: number,
  { kind, length, offset }: Pick<BlockRequest, 'kind' | 'length' | 'offset'>,
): PumpSqe {
  const opcode = `IORING_OP_${kind.toUpperCase()}_FIXED`;
  return { opcode, fd, addr: memory.address, len: length, off: offset, bufIndex: 0 };
}

/** The bytes of an SQE that is to have this result. */
function sqe(uapi: UapiTable, fields: PumpSqe, result: number): Uint8Array {
  const bytes = new Uint8Array(uapi.size('io_uring_sqe'));
  writePumpSqe(new DataView(bytes.buffer), uapi, fields, result);
  return bytes;
}

/** How the server moves the data of the request in hand: its steps. */
export type Moving = (t: Test, ring: TestRing, inHand: InHand, target: Target) => Step[];

/** Through the server's memory, which is registered with its ring: nothing is measured of pinning it. */
export const copying: Moving = (t, ring, { queue, request }, target) => {
  const { char, uapi } = queue;
  const { address, bytes } = bufferOf(t, ring, request.length);
  const plain = transfer(target, request, address, uapi);
  const fixed = sqe(uapi, { ...plain, opcode: `${plain.opcode}_FIXED`, bufIndex: 0 }, request.length);
  const move = enter('the target', ring, [fixed], 1);
  const position = queue.position(request);
  return request.kind === 'read'
    ? [move, pwrite('pwrite to ublk', char.fd, bytes, position)]
    : [pread('pread from ublk', char.fd, bytes, position), move];
};

/** The target has the request's own pages. The server has no memory that they could be copied to. */
export const lending: Moving = (_t, ring, { queue, request }, target) => {
  const results = [0, request.length];
  const group = queue.lending(request, transfer(target, request, 0n, queue.uapi));
  const sqes = group.map((one, index) => sqe(queue.uapi, one, results[index] ?? 0));
  return [enter('the group', ring, sqes, sqes.length)];
};

/**
 * From one request in hand to the next: the server answers it, `before` sees that it is complete, and `after`, which may be another
 * client, sends the same again.
 */
function turn(
  { queue, request, fd }: InHand,
  ring: TestRing,
  moved: readonly Step[],
  [before, after]: readonly [Client, Client],
): Step[] {
  const { uapi } = queue;
  const commit = sqe(uapi, queue.commit(request, request.length), uapi.constant('UBLK_IO_RES_OK'));
  const again = sqe(uapi, asking(after, fd, request), request.length);
  return [
    ...moved,
    enter('commit', ring, [commit], 0),
    enter('the client waits', before.ring, [], 1),
    enter('the client asks', after.ring, [again], 0),
    enter('the server waits', ring, [], 1),
  ];
}

/** Server and client in one thread, a call of each after the other. Between the turns a request is in hand, whoever sent it. */
export class Cycle {
  readonly #t: Test;
  readonly #inHand: InHand;
  readonly #moving: Moving;
  #client: Client;

  /** `client`: who has sent the request. */
  constructor(t: Test, client: Client, inHand: InHand, moving: Moving) {
    this.#t = t;
    this.#client = client;
    this.#inHand = inHand;
    this.#moving = moving;
  }

  /** Who waits for the request in hand. */
  get client(): Client {
    return this.#client;
  }

  /**
   * Answers the request in hand from `target`, and has the next one from a new client with a new ring of the server: the steps of
   * further turns with these. `end` is for the server's ring when it is not used any more.
   */
  begin(target: Target): { steps: Step[]; end(): void } {
    const [before, after] = [this.#client, openClient(this.#t, this.#inHand.request.length)];
    const ring = ringFor(this.#t);
    const moved = this.#moving(this.#t, ring, this.#inHand, target);
    runScript(turn(this.#inHand, ring, moved, [before, after]), new Float64Array(1));
    before.ring.close();
    this.#client = after;
    const steps = turn(this.#inHand, ring, moved, [after, after]);
    return { steps, end: () => ring.close() };
  }
}
