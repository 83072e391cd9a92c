import { constants } from 'node:fs';
import { before } from '../../binding/index.ts';
import { File, SyscallError, type UapiTable } from '../index.ts';
import { Control, type DeviceInfo, deleteIfThere } from './control.ts';
import { Gate, type HeldBack } from './gate.ts';
import { Queue, type Strategy } from './queue.ts';
import type { BlockRequest } from './request.ts';
import { type Answering, userCopy, zeroCopy } from './strategy.ts';
import type { Target } from './target.ts';

export interface ServerOptions {
  target: Target;
  /** How requests are answered: default `userCopy`. */
  answering?: Answering;
  /** Default 1; the kernel gives no more than one for each CPU. */
  queues?: number;
  /** Requests that a queue can have under way: default 16. */
  depth?: number;
  /** Logical block, bytes: 512 or 4096; default 512. */
  blockSize?: number;
  /** Largest request, bytes: default 1 MiB. */
  maxIo?: number;
  /** UBLK_F_ names: default `USER_COPY_FLAGS`, for `zeroCopy` itself `ZERO_COPY_FLAGS`. */
  flags?: readonly string[];
  /** UBLK_ATTR_ names: default a volatile cache and FUA. */
  attributes?: readonly string[];
  /** SQ entries of a queue's ring: default room for some SQEs of each request. */
  entries?: number;
}

export const USER_COPY_FLAGS = ['UBLK_F_USER_COPY', 'UBLK_F_CMD_IOCTL_ENCODE'];
export const ZERO_COPY_FLAGS = [...USER_COPY_FLAGS, 'UBLK_F_SUPPORT_ZERO_COPY'];
const flagsOf = ({ flags, answering }: ServerOptions) =>
  flags ?? (answering === zeroCopy ? ZERO_COPY_FLAGS : USER_COPY_FLAGS);
const CACHE = ['UBLK_ATTR_VOLATILE_CACHE', 'UBLK_ATTR_FUA'];
/** How long a stop may take before the kernel is made to end what is under way, ms: the agent grants 10 s for all. */
const END_MS = 4000;

/** Gets a device that can be served, and what makes it live then. `tell`: its number, from when on it has to be deleted. */
type Prepare = (
  control: Control,
  tell: (id: number) => void,
) => Promise<{ info: DeviceInfo; live(): Promise<void> }>;

/** Waits for one of the two, at most so long; what went wrong. That the device is gone already is nothing wrong. */
async function ending(what: string, work: Promise<void>): Promise<Error | undefined> {
  const outcome = work.then(
    () => undefined,
    (error: Error) => (error instanceof SyscallError && error.code === 'ENODEV' ? undefined : error),
  );
  if (await before(performance.now() + END_MS, outcome)) return await outcome;
  return new Error(`a ublk device: no ${what} in ${END_MS} ms`);
}

/**
 * A ublk device and its server, in this process and on its event loop: requests are answered whatever else is awaited. Nobody
 * here may make a call on /dev/ublkbN that blocks: the server could not answer it. Disposing stops and deletes the device,
 * whatever state it is in, and throws what went wrong in the server.
 */
export class UblkServer implements AsyncDisposable {
  readonly info: DeviceInfo;
  readonly queues: readonly Queue[];
  readonly control: Control;
  readonly #char: File;
  readonly #gate: Gate;
  readonly #eio: number;
  #failures: readonly Error[] | undefined;
  #disposed = false;

  private constructor(
    uapi: UapiTable,
    control: Control,
    info: DeviceInfo,
    { strategy, entries }: { strategy: Strategy; entries: number },
  ) {
    this.control = control;
    this.info = info;
    this.#eio = -uapi.constant('EIO');
    this.#gate = new Gate();
    this.#char = new File(`/dev/ublkc${info.id}`, constants.O_RDWR);
    const all = { uapi, char: this.#char, info, strategy, gate: this.#gate, entries };
    this.queues = Array.from({ length: info.queues }, (_, index) => new Queue({ ...all, index }));
  }

  /** Adds a device and starts it. Throws SyscallError with the command's name, SkipError where the kernel knows no ublk. */
  static async start(uapi: UapiTable, options: ServerOptions): Promise<UblkServer> {
    const { queues = 1, depth = 16, maxIo = 1 << 20, blockSize = 512, target, attributes = CACHE } = options;
    const flags = uapi.bits(...flagsOf(options));
    return UblkServer.#serve(uapi, options, async (control, tell) => {
      const info = await control.add({ queues, depth, maxIo, flags });
      tell(info.id);
      // The kernel says so by clearing flags (ublk_ctrl_add_dev), not by an error.
      const refused = (flags & ~info.flags) >>> 0;
      if (refused) throw new Error(`the kernel's ublk clears these flags: 0x${refused.toString(16)}`);
      await control.setParams(info.id, { size: target.size, blockSize, maxIo, attributes });
      return { info, live: () => control.start(info.id) };
    });
  }

  /** Goes on where another server has died, after Control.beginRecovery (UBLK_F_USER_RECOVERY). Takes the device over, also to delete it. */
  static async takeOver(uapi: UapiTable, id: number, options: ServerOptions): Promise<UblkServer> {
    return UblkServer.#serve(uapi, options, async (control, tell) => {
      tell(id);
      return { info: await control.info(id), live: () => control.endRecovery(id) };
    });
  }

  static async #serve(
    uapi: UapiTable,
    { target, answering = userCopy, depth = 16, entries = depth * 8 }: ServerOptions,
    prepare: Prepare,
  ): Promise<UblkServer> {
    // First: what the kernel lacks skips the test, with its name.
    const strategy = answering(target, uapi);
    const control = new Control(uapi);
    let id: number | undefined;
    let server: UblkServer | undefined;
    try {
      const { info, live } = await prepare(control, (known) => {
        id = known;
      });
      server = new UblkServer(uapi, control, info, { strategy, entries });
      for (const queue of server.queues) queue.start();
      await live();
      return server;
    } catch (error) {
      if (server) await server[Symbol.asyncDispose]().catch(() => {});
      else {
        if (id !== undefined) await deleteIfThere(control, id);
        control[Symbol.dispose]();
      }
      throw error;
    }
  }

  get id(): number {
    return this.info.id;
  }

  /** /dev/ublkbN */
  get path(): string {
    return `/dev/ublkb${this.id}`;
  }

  /** Requests answered since the start, and their bytes; those of the start itself among them. */
  get served(): { requests: number; bytes: number } {
    const sum = (of: 'requests' | 'bytes') =>
      this.queues.reduce((total, { served }) => total + served[of], 0);
    return { requests: sum('requests'), bytes: sum('bytes') };
  }

  /** From now on such requests stay unanswered until released; the disposal ends them with -EIO. Default: all. */
  holdBack(matches: (request: BlockRequest) => boolean = () => true): HeldBack {
    return this.#gate.hold(matches);
  }

  /** Stops the device, as a good server does: /dev/ublkbN is gone then, and all tags have come back. */
  async stop(): Promise<void> {
    await this.control.stop(this.id);
    await Promise.all(this.queues.map((queue) => queue.ended()));
  }

  /** Leaves the device without its server: what is under way fails, and the kernel stops it. */
  abandon(): void {
    // What the end of its rings does to a server is no failure of it.
    this.#failures ??= this.queues.flatMap((queue) => queue.failures);
    for (const queue of this.queues) queue[Symbol.dispose]();
    this.#char.close();
  }

  /** Stops and deletes the device; ends when its number is free, and so not before all have closed /dev/ublkbN. */
  async delete(): Promise<void> {
    await this.stop();
    this.abandon();
    await this.control.delete(this.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#gate.open(this.#eio);
    const stopping = await ending('stop', this.stop());
    this.abandon();
    const deleting = await ending('delete', deleteIfThere(this.control, this.id));
    this.control[Symbol.dispose]();
    const [first = stopping ?? deleting] = this.#failures ?? [];
    if (first) throw first;
  }
}
