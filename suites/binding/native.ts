/** A ring, a watch or a flipper inside the addon. */
export type Handle = { readonly handle: unique symbol };
/** Memory that the addon takes as bytes; null is a null pointer. */
export type Bytes = ArrayBuffer | Uint8Array | DataView | null;

/** A ring as `open` returns it. */
export interface OpenedRing {
  handle: Handle;
  /** Shared memory of both queues. */
  queues: ArrayBuffer;
  /** Shared memory of the SQEs. */
  sqes: ArrayBuffer;
  fd: number;
  /** Bytes of an SQE and of a CQE. */
  sqeSize: number;
  cqeSize: number;
}

/** The counters in a ring's shared memory. */
export interface Indices {
  sqHead: number;
  sqTail: number;
  cqHead: number;
  cqTail: number;
  /** IORING_SQ_ bits. */
  sqFlags: number;
  /** SQEs that the kernel skipped because their index was invalid. */
  dropped: number;
  /** CQEs that were lost; 0 on kernels with IORING_FEAT_NODROP. */
  overflow: number;
}

/**
 * A step of `script`. `kind` is a value of script.c's enum: ENTER takes a ring, SQEs and the number of completions to wait for; READ and
 * WRITE take a descriptor, memory and a position in the file.
 */
export type NativeStep = [kind: number, target: Handle | number, bytes: Uint8Array | null, number: number];

/** The outcome of `script`. */
export interface Scripted {
  /** 0 or -errno. */
  result: number;
  /** Index of the step that failed. */
  at: number;
  /** CPU time of the calling thread, ns. */
  cpu: number;
  /** CPU time of the other threads of the process in the same time, ns. */
  others: number;
  /** Bytes that READ and WRITE moved. */
  copied: number;
}

/**
 * The exports of the addon, documented in native/*.c. A number below 0 is -errno; the functions throw only for arguments of a wrong type or
 * size. Use the classes of `index.ts` instead.
 */
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
  flip(ring: Handle, places: Uint8Array, values: Uint8Array): Handle | number;
  flips(flipper: Handle): number;
  unflip(flipper: Handle): void;
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

let addon: Native | undefined;

/** Loads the addon from a file, once: further calls do nothing. Throws Error when the file cannot be loaded. */
export function loadBinding(path: string): void {
  if (addon) return;
  const module = { exports: {} };
  process.dlopen(module, path);
  addon = module.exports as Native;
}

/** The exports of the addon. Throws Error before `loadBinding`. */
export function native(): Native {
  if (!addon) throw new Error('the native binding is not loaded: call loadBinding(path) first');
  return addon;
}
