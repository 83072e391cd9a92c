import type { Memory } from '../binding/index.ts';
import { Victim } from '../binding/index.ts';
import { iovecs, ringOptions, type TestRingOptions } from './ring.ts';
import { type Passthrough, type SqeFields, writePassthrough, writeSqe } from './sqe.ts';
import type { Test } from './test.ts';

export interface ChildOptions extends TestRingOptions {
  commands: readonly (Passthrough | SqeFields)[];
  /** Registered as buffers in the child's ring. */
  buffers?: readonly Memory[];
  uid?: number;
  complete?: boolean;
}

/** A child process that submits these on its own ring; it is killed at the test's end at the latest. */
export function startChild(t: Test, options: ChildOptions): Victim {
  const { commands, buffers, uid, complete } = options;
  const ring = ringOptions(t.uapi, { entries: Math.max(commands.length, 1), ...options });
  const size = (options.shape ?? 'big') === 'big' || options.shape === 'sqe128' ? 128 : 64;
  const sqes = new Uint8Array(size * commands.length);
  commands.forEach((command, index) => {
    const view = new DataView(sqes.buffer, index * size, size);
    if ('command' in command) writePassthrough(view, t.uapi, command);
    else writeSqe(view, t.uapi, command);
  });
  const keep = commands.flatMap(({ fd }) => (fd === undefined || fd < 0 ? [] : [fd]));
  const list = buffers?.length
    ? iovecs(buffers.map(({ address, length }) => ({ address, length })))
    : undefined;
  const common = { ring, sqes, count: commands.length, keep, uid, complete };
  return t.use(new Victim({ ...common, ...(list ? { iovecs: list.bytes } : {}) }));
}
