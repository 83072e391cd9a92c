import type { Memory } from '../binding/index.ts';
import { Victim } from '../binding/index.ts';
import { iovecs } from './iovec.ts';
import { ringOptions, type TestRingOptions } from './ring.ts';
import { type Passthrough, type SqeFields, writePassthrough, writeSqe } from './sqe.ts';
import type { Test } from './test.ts';

/** What a child process submits, and on which ring. */
export interface ChildOptions extends TestRingOptions {
  /** Passthrough commands and plain requests, submitted together. */
  commands: readonly (Passthrough | SqeFields)[];
  /** Registered as the buffers of the child's ring. */
  buffers?: readonly Memory[];
  /** Further calls of io_uring_register in this order, the opcode by its name in the kernel's headers. */
  registrations?: readonly { opcode: string; argument: Uint8Array; count: number }[];
  /** Descriptors that the child needs besides the `fd` of its commands; all others are closed. */
  keep?: readonly number[];
  /** User that submits; default: the test's. */
  uid?: number;
  /** Wait for all completions, report them and exit; default: wait to be killed. */
  complete?: boolean;
}

function bufferRegistration(buffers: readonly Memory[]) {
  if (buffers.length === 0) return [];
  using list = iovecs(buffers.map(({ address, length }) => ({ address, length })));
  return [{ opcode: 'IORING_REGISTER_BUFFERS', argument: list.bytes.slice(), count: buffers.length }];
}

/**
 * Forks a child process that submits the commands on a ring which it opens itself; it is killed at the test's end at the latest. Throws
 * SkipError for names that the kernel does not have, SyscallError when the fork fails.
 */
export function startChild(t: Test, options: ChildOptions): Victim {
  const { commands, buffers = [], registrations = [], uid, complete } = options;
  const ring = ringOptions(t.uapi, { entries: Math.max(commands.length, 1), ...options });
  const size = (options.shape ?? 'big') === 'big' || options.shape === 'sqe128' ? 128 : 64;
  const sqes = new Uint8Array(size * commands.length);
  commands.forEach((command, index) => {
    const view = new DataView(sqes.buffer, index * size, size);
    if ('command' in command) writePassthrough(view, t.uapi, command);
    else writeSqe(view, t.uapi, command);
  });
  const fdsOfCommands = commands.flatMap(({ fd }) => (fd === undefined || fd < 0 ? [] : [fd]));
  const keep = [...fdsOfCommands, ...(options.keep ?? [])];
  const calls = [...bufferRegistration(buffers), ...registrations].map((call) => ({
    ...call,
    opcode: t.uapi.constant(call.opcode),
  }));
  const count = commands.length;
  return t.use(new Victim({ ring, sqes, count, keep, uid, complete, registrations: calls }));
}
