import type { Memory } from '../binding/index.ts';
import { Victim } from '../binding/index.ts';
import { iovecs, ringOptions, type TestRingOptions } from './ring.ts';
import { type Passthrough, type SqeFields, writePassthrough, writeSqe } from './sqe.ts';
import type { Test } from './test.ts';

export interface ChildOptions extends TestRingOptions {
  commands: readonly (Passthrough | SqeFields)[];
  /** Registered as buffers in the child's ring. */
  buffers?: readonly Memory[];
  /** Further calls of io_uring_register, in this order; the opcode by its name in the kernel's headers. */
  registrations?: readonly { opcode: string; argument: Uint8Array; count: number }[];
  /** Descriptors that the child needs besides those its commands name. */
  keep?: readonly number[];
  uid?: number;
  complete?: boolean;
}

function ofBuffers(buffers: readonly Memory[]) {
  if (buffers.length === 0) return [];
  using list = iovecs(buffers.map(({ address, length }) => ({ address, length })));
  return [{ opcode: 'IORING_REGISTER_BUFFERS', argument: list.bytes.slice(), count: buffers.length }];
}

/** A child process that submits these on its own ring; it is killed at the test's end at the latest. */
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
  const named = commands.flatMap(({ fd }) => (fd === undefined || fd < 0 ? [] : [fd]));
  const keep = [...named, ...(options.keep ?? [])];
  const calls = [...ofBuffers(buffers), ...registrations].map((call) => ({
    ...call,
    opcode: t.uapi.constant(call.opcode),
  }));
  const ringAndWork = { ring, sqes, count: commands.length, keep, uid, complete };
  return t.use(new Victim({ ...ringAndWork, registrations: calls }));
}
