import { constants } from 'node:fs';
import { before } from '../../binding/index.ts';
import { File, SyscallError, type UapiTable } from '../base.ts';
import { type DeviceInfo, deleteIfPresent, UblkControl } from './control.ts';
import { Gate, type HeldRequests } from './gate.ts';
import { Queue, type Strategy } from './queue.ts';
import { type BlockRequest, SECTOR } from './request.ts';
import { partitionsRead } from './scan.ts';
import { type StrategyFactory, userCopy, zeroCopy } from './strategy.ts';
import type { Target } from './target.ts';

/** What a ublk server is started with. */
export interface ServerOptions {
  target: Target;
  /** Makes the strategy that answers requests: default `userCopy`. */
  makeStrategy?: StrategyFactory;
  /** Default 1; the kernel grants at most one per CPU. */
  queues?: number;
  /** Tags of a queue, that is requests in flight: default 16. */
  depth?: number;
  /** Logical block size, bytes: 512 or 4096; default that of the target, else 512. */
  blockSize?: number;
  /** Largest request, bytes: default 1 MiB. */
  maxIo?: number;
  /** UBLK_F_ names: default `ZERO_COPY_FLAGS` for the strategy `zeroCopy`, else `USER_COPY_FLAGS`. */
  flags?: readonly string[];
  /** UBLK_ATTR_ names: default UBLK_ATTR_VOLATILE_CACHE and UBLK_ATTR_FUA. */
  attributes?: readonly string[];
  /** SQ entries of a queue's ring: default 8 per tag. */
  entries?: number;
}

/** UBLK_F_ names of a device with user copy. */
export const USER_COPY_FLAGS = ['UBLK_F_USER_COPY', 'UBLK_F_CMD_IOCTL_ENCODE'];
/** UBLK_F_ names of a device with zero copy; it needs user copy too, and the kernel refuses it alone with EINVAL. */
export const ZERO_COPY_FLAGS = [...USER_COPY_FLAGS, 'UBLK_F_SUPPORT_ZERO_COPY'];
const flagsOf = ({ flags, makeStrategy }: ServerOptions) =>
  flags ?? (makeStrategy === zeroCopy ? ZERO_COPY_FLAGS : USER_COPY_FLAGS);
const DEFAULT_ATTRIBUTES = ['UBLK_ATTR_VOLATILE_CACHE', 'UBLK_ATTR_FUA'];
/** How long disposal waits for a stop and for a delete each, ms: the agent allows 10 s for all disposals of a test. */
const DISPOSAL_STEP_MS = 4000;

/**
 * Prepares a device for a server; `live` then makes it live, given the server. Calls `setId` as soon as the device exists and must be
 * deleted after a failure.
 */
type Prepare = (
  control: UblkControl,
  setId: (id: number) => void,
) => Promise<{ info: DeviceInfo; live(server: UblkServer): Promise<void> }>;

/** Waits at most DISPOSAL_STEP_MS for a step of the disposal; returns its failure. ENODEV is none: the device no longer exists. */
async function failureOf(step: string, work: Promise<void>): Promise<Error | undefined> {
  const outcome = work.then(
    () => undefined,
    (error: Error) => (error instanceof SyscallError && error.code === 'ENODEV' ? undefined : error),
  );
  if (await before(performance.now() + DISPOSAL_STEP_MS, outcome)) return await outcome;
  return new Error(`${step} of the ublk device did not finish in ${DISPOSAL_STEP_MS} ms`);
}

/**
 * A ublk device and its server, on this process's event loop. Code in this process must not make a blocking call on /dev/ublkbN:
 * the event loop could not answer it (use `Client` or `runCommand`). Disposing stops and deletes the device in any state, and
 * throws the first error of the server.
 */
export class UblkServer implements AsyncDisposable {
  readonly info: DeviceInfo;
  readonly queues: readonly Queue[];
  readonly control: UblkControl;
  readonly #char: File;
  readonly #gate: Gate;
  readonly #eio: number;
  #failures: readonly Error[] | undefined;
  #disposed = false;

  private constructor(
    uapi: UapiTable,
    control: UblkControl,
    info: DeviceInfo,
    { strategy, entries }: { strategy: Strategy; entries: number },
  ) {
    this.control = control;
    this.info = info;
    this.#eio = -uapi.constant('EIO');
    this.#gate = new Gate();
    this.#char = new File(`/dev/ublkc${info.id}`, constants.O_RDWR);
    const shared = { uapi, char: this.#char, info, strategy, gate: this.#gate, entries };
    this.queues = Array.from({ length: info.queues }, (_, index) => new Queue({ ...shared, index }));
  }

  /**
   * Adds a device and starts it; resolves when the kernel has read its partition table, so that it can be opened. Throws SyscallError with the command's name, Error when the kernel cleared flags, SkipError where
   * the kernel lacks a name.
   */
  static async start(uapi: UapiTable, options: ServerOptions): Promise<UblkServer> {
    const {
      queues = 1,
      depth = 16,
      maxIo = 1 << 20,
      target,
      blockSize = target.blockSize ?? SECTOR,
      attributes = DEFAULT_ATTRIBUTES,
    } = options;
    const flags = uapi.bits(...flagsOf(options));
    return UblkServer.#serve(uapi, options, async (control, setId) => {
      const info = await control.add({ queues, depth, maxIo, flags });
      setId(info.id);
      // The kernel clears flags that it does not support and reports no error (ublk_ctrl_add_dev).
      const refused = (flags & ~info.flags) >>> 0;
      if (refused) throw new Error(`UBLK_U_CMD_ADD_DEV cleared flags 0x${refused.toString(16)}`);
      await control.setParams(info.id, { size: target.size, blockSize, maxIo, attributes });
      const live = async ({ path, queues: serving }: UblkServer) => {
        await control.start(info.id);
        await partitionsRead(path, serving);
      };
      return { info, live };
    });
  }

  /**
   * Serves a device whose server has died, after `Control.beginRecovery` (UBLK_F_USER_RECOVERY). Disposing deletes the device. Throws
   * SyscallError with the command's name.
   */
  static async takeOver(uapi: UapiTable, id: number, options: ServerOptions): Promise<UblkServer> {
    return UblkServer.#serve(uapi, options, async (control, setId) => {
      setId(id);
      return { info: await control.info(id), live: () => control.endRecovery(id) };
    });
  }

  static async #serve(
    uapi: UapiTable,
    { target, makeStrategy = userCopy, depth = 16, entries = depth * 8 }: ServerOptions,
    prepare: Prepare,
  ): Promise<UblkServer> {
    // Before the device is added: a SkipError for what the kernel lacks must leave no device behind.
    const strategy = makeStrategy(target, uapi);
    const control = new UblkControl(uapi);
    let id: number | undefined;
    let server: UblkServer | undefined;
    try {
      const { info, live } = await prepare(control, (assigned) => {
        id = assigned;
      });
      server = new UblkServer(uapi, control, info, { strategy, entries });
      for (const queue of server.queues) queue.start();
      await live(server);
      return server;
    } catch (error) {
      if (server) await server[Symbol.asyncDispose]().catch(() => {});
      else {
        if (id !== undefined) await deleteIfPresent(control, id);
        control[Symbol.dispose]();
      }
      throw error;
    }
  }

  /** N of /dev/ublkbN and /dev/ublkcN. */
  get id(): number {
    return this.info.id;
  }

  /** /dev/ublkbN */
  get path(): string {
    return `/dev/ublkb${this.id}`;
  }

  /** Requests fetched and their bytes, including those of the partition scan at start. */
  get served(): { requests: number; bytes: number } {
    const sum = (counter: 'requests' | 'bytes') =>
      this.queues.reduce((total, { served }) => total + served[counter], 0);
    return { requests: sum('requests'), bytes: sum('bytes') };
  }

  /** From now on holds back the requests that match (default: all) until `release`. Disposal completes them with -EIO. */
  holdBack(matches: (request: BlockRequest) => boolean = () => true): HeldRequests {
    return this.#gate.hold(matches);
  }

  /** Stops the device; resolves when /dev/ublkbN is gone and the kernel has aborted all fetches. Throws SyscallError. */
  async stop(): Promise<void> {
    await this.control.stop(this.id);
    await Promise.all(this.queues.map((queue) => queue.ended()));
  }

  /** Closes the server's rings and files: requests in flight fail with EIO, and the kernel stops the device. */
  abandon(): void {
    // Saved first: closing the rings rejects pending fetches, which is no failure of the server.
    this.#failures ??= this.queues.flatMap((queue) => queue.failures);
    for (const queue of this.queues) queue[Symbol.dispose]();
    this.#char.close();
  }

  /** Stops and deletes the device; resolves when all clients have closed /dev/ublkbN and its number is free. Throws SyscallError. */
  async delete(): Promise<void> {
    await this.stop();
    this.abandon();
    await this.control.delete(this.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#gate.open(this.#eio);
    const stopping = await failureOf('stop', this.stop());
    this.abandon();
    const deleting = await failureOf('delete', deleteIfPresent(this.control, this.id));
    this.control[Symbol.dispose]();
    const [failure = stopping ?? deleting] = this.#failures ?? [];
    if (failure) throw failure;
  }
}
