/** The library of the suites without `ublk/`, which is made of it. */
export type { CellFile, HostReply, HostRequest, NamespaceInfo, TestClass } from '../../lab/model/protocol.ts';
export type { Uapi } from '../../lab/model/uapi.ts';
export {
  before,
  type Cqe,
  clockCost,
  enter,
  File,
  type Flipper,
  Mapping,
  Memory,
  type MemoryRange,
  openAs,
  pread,
  pwrite,
  runScript,
  type Step,
  SyscallError,
  spin,
  TimeoutError,
  type Turn,
  type Victim,
} from '../binding/index.ts';
export { AssertionError, resultName } from './assert.ts';
export { CopyTrace } from './copy-trace.ts';
export { Controller, controllers, Device } from './device.ts';
export { DmaTrace, type MappingCalls } from './dma-trace.ts';
export { type Fault, InjectedFault } from './fault.ts';
export { flipCommand, flipFlags } from './flip.ts';
export { type GroupMarking, groupMarking } from './group.ts';
export { GroupRing } from './group-ring.ts';
export { HostClient } from './host.ts';
export { ioctlCommand } from './ioctl.ts';
export { Iovecs, iovecs } from './iovec.ts';
export { memberError } from './member-error.ts';
export { command, mounted } from './mounted.ts';
export { numbers } from './numbers.ts';
export * as nvme from './nvme.ts';
export { fillPattern, ioMemory, pattern } from './pattern.ts';
export { type PeerContext, PeerProcess, peer, startPeer } from './peer.ts';
export { type Pipe, pipe } from './pipe.ts';
export { type Held, held, mapRange, type Range } from './premap.ts';
export { detached, until } from './presence.ts';
export { unprivileged } from './privilege.ts';
export { holds } from './property.ts';
export { guardOf, Prinfo, protect, TUPLE_BYTES } from './protection.ts';
export { openRing, ringOptions, type Shape, TestRing, type TestRingOptions } from './ring.ts';
export { slabMark } from './slab.ts';
export { connected, type SocketOptions, type Sockets } from './socket.ts';
export {
  BUFFERS,
  commandFields,
  type NvmeCommand,
  type Passthrough,
  type SqeFields,
  writePassthrough,
  writeSqe,
} from './sqe.ts';
export { type Lab, type Metric, type Needs, suite, Test, test } from './test.ts';
export { throttled } from './throttle.ts';
export { SkipError, UapiTable } from './uapi.ts';
export { type ChildOptions, startChild } from './victim.ts';
