import { before } from '../binding/index.ts';
import { type File, ioMemory, type Memory, pattern, type SqeFields, type Test } from '../lib/index.ts';
import type { Client } from '../lib/ublk/client.ts';
import type { Answered, PumpSqe } from '../lib/ublk/pump.ts';
import type { Port } from '../lib/ublk/queue.ts';
import type { BlockRequest } from '../lib/ublk/request.ts';
import type { ServerOptions, UblkServer } from '../lib/ublk/server.ts';
import { MIB, served, temporary } from '../lib/ublk/setup.ts';
import { fileTarget } from '../lib/ublk/target.ts';
import { how, LENDING } from '../lib/ublk/way.ts';

/** What a reader's memory is full of before the read: contents that must not be left in it. */
export const OLD = 0xa5;

/** Of requests whose end is tested, bytes. */
export const LENGTH = 8192;

/** Whether it comes though it should not. */
export const soon = (promise: Promise<unknown>) => before(performance.now() + 300, promise);

/** `1:0 2:-5` */
export const said = (cqes: readonly { tag: number; res: number }[]) =>
  cqes.map(({ tag, res }) => `${tag}:${res}`);

/** A request of a client that is answered by the test itself. */
export interface InHand {
  server: UblkServer;
  client: Client;
  request: BlockRequest;
  /** The ring of the request's queue. */
  port: Port;
  /** The client's: a reader's is full of OLD, a writer's has a pattern. */
  memory: Memory;
  /** What the client sees in the end. */
  under: Promise<Answered>;
  /** Commits a result without waiting for the client. */
  commit(result: number): void;
}

/** A device with one request under way, at its beginning. */
export async function inHand(
  t: Test,
  kind: 'READ' | 'WRITE',
  length = 4096,
  options: Partial<ServerOptions> = {},
): Promise<InHand> {
  const { server, client } = await served(t, {
    ...how(LENDING),
    target: LENDING.scratch(t, MIB),
    ...options,
  });
  const held = server.holdBack();
  const memory = ioMemory(t, length);
  memory.bytes.set(kind === 'READ' ? new Uint8Array(length).fill(OLD) : pattern(length, 42));
  const under = client.transfer(kind, memory, 0);
  const [request] = await held.arrived();
  const port = request && server.queues[request.queue];
  if (!port) throw new Error('the server was not asked');
  return { server, client, request, port, memory, under, commit: (result) => held.release(result) };
}

/** That a reader has nothing but zeroes. */
export function check(t: Test, { memory }: InHand): void {
  t.ok(!memory.bytes.includes(OLD), 'contents of before');
  t.bytes(memory.bytes, new Uint8Array(memory.length));
}

/** A command about the request in hand as a plain SQE, for other rings than the queue's. `result`: what is committed, bytes. */
export function about(
  t: Test,
  { request: { queue, tag }, port }: Pick<InHand, 'request' | 'port'>,
  name: string,
  more: SqeFields['more'] = {},
  result = 0,
): SqeFields {
  // Where a command begins: struct ublksrv_io_cmd.
  const addr3 = BigInt(queue) | (BigInt(tag) << 16n) | (BigInt(result) << 32n);
  const cmd_op = t.uapi.constant(name);
  return { opcode: 'IORING_OP_URING_CMD', fd: port.char.fd, more: { cmd_op, addr3, ...more } };
}

/** The leader that lends what is in hand. */
export const lending = (t: Test, hand: Pick<InHand, 'request' | 'port'>): SqeFields =>
  about(t, hand, 'UBLK_U_IO_PROVIDE_IO_BUF', {
    uring_cmd_flags: t.uapi.constant('IORING_PROVIDE_GROUP_KBUF'),
  });

/** A member that reads or writes: `at` is the offset into what is lent. */
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
export function source(t: Test, length: number, seed: number): { file: File; bytes: Uint8Array } {
  const { file } = fileTarget(t, temporary(t), length);
  const bytes = pattern(length, seed);
  t.equal(file.write(bytes, 0), length);
  return { file, bytes };
}

/** An empty file, and what is in it. */
export function sink(t: Test, length: number): { file: File; contents(): Uint8Array } {
  const { file } = fileTarget(t, temporary(t), length);
  const contents = () => {
    const bytes = new Uint8Array(length);
    t.equal(file.read(bytes, 0), length);
    return bytes;
  };
  return { file, contents };
}

/** Results by their places in the group: the leader's first. */
export const results = (answered: readonly Answered[]) => answered.map(({ res }) => res);
