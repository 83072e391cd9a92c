/** What the addon exports. Numbers below zero are -errno; only a misuse throws. Use the classes of `index.ts` instead. */
export type Handle = { readonly handle: unique symbol };
export type Bytes = ArrayBuffer | Uint8Array | DataView | null;

export interface OpenedRing {
  handle: Handle;
  queues: ArrayBuffer;
  sqes: ArrayBuffer;
  fd: number;
  sqeSize: number;
  cqeSize: number;
}

export interface Indices {
  sqHead: number;
  sqTail: number;
  cqHead: number;
  cqTail: number;
  sqFlags: number;
  /** SQEs that the kernel refused to look at. */
  dropped: number;
  /** CQEs that were lost (never with IORING_FEAT_NODROP). */
  overflow: number;
}

/** ENTER a ring (completions to wait for), READ or WRITE a file (position in it): in the order of script.c's enum. */
export type NativeStep = [what: number, on: Handle | number, bytes: Uint8Array | null, number: number];

export interface Scripted {
  /** 0 or -errno. */
  result: number;
  /** The step that it is of. */
  at: number;
  /** CPU time of the thread, ns. */
  cpu: number;
  /** CPU time of the process's other threads meanwhile, ns. */
  others: number;
  /** Bytes. */
  copied: number;
}

export interface Native {
  open(entries: number, params: Uint8Array): OpenedRing | number;
  close(ring: Handle): void;
  push(ring: Handle, count: number): number;
  reap(ring: Handle, out: Uint8Array): number;
  indices(ring: Handle): Indices;
  enter(ring: Handle, submit: number, complete: number, flags: number, timeoutMs: number): number;
  enterFromThread(ring: Handle, submit: number, complete: number, flags: number): number;
  flush(ring: Handle): number;
  register(ring: Handle, opcode: number, argument: Bytes, count: number): number;
  notifyFd(ring: Handle): number;
  allocate(length: number, kind: number): ArrayBuffer | number;
  mapFile(fd: number, offset: number, length: number): ArrayBuffer | number;
  scattered(length: number): ArrayBuffer | number;
  measure(ring: Handle, samples: Uint8Array, apart: number, trigger: number, drain: number): number;
  drive(ring: Handle, samples: Uint8Array): { wall: number; system: number } | number;
  script(steps: readonly NativeStep[], samples: Uint8Array): Scripted;
  clockCost(samples: Uint8Array): number;
  spin(count: number): number;
  address(bytes: Bytes): bigint;
  release(bytes: ArrayBuffer): void;
  ioctl(fd: number, request: number | bigint, argument: Bytes): number;
  watch(fd: number, callback: () => void): Handle | number;
  unwatch(watch: Handle): void;
  victim(
    ...args: [
      entries: number,
      params: Uint8Array,
      sqes: Uint8Array,
      count: number,
      registrations: Uint8Array,
      registrationArguments: Uint8Array,
      keep: Uint8Array,
      uid: number,
      waitFor: number,
    ]
  ): { pid: number; report: number } | number;
  openAs(uid: number, path: string, flags: number): number;
  pidfd(pid: number): number;
  collect(pid: number): number;
}

let loaded: Native | undefined;

/** Loads the addon from a file; a second call with another file is an error of the caller. */
export function loadBinding(path: string): void {
  if (loaded) return;
  const module = { exports: {} };
  process.dlopen(module, path);
  loaded = module.exports as Native;
}

export function native(): Native {
  if (!loaded) throw new Error('the native binding is not loaded: call loadBinding(path) first');
  return loaded;
}
