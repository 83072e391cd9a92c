import { constants } from 'node:fs';
import {
  File,
  Memory,
  type PeerContext,
  type PeerProcess,
  peer,
  startPeer,
  type Test,
  type UapiTable,
} from '../base.ts';
import { deleteIfPresent, UblkControl } from './control.ts';
import type { HeldRequests } from './gate.ts';
import type { BlockRequest } from './request.ts';
import { type ServerOptions, UblkServer } from './server.ts';
import type { StrategyFactory } from './strategy.ts';
import type { Target } from './target.ts';

/** Server options without those that JSON cannot carry. */
type JsonOptions = Omit<ServerOptions, 'target' | 'makeStrategy'>;

/** Options of a server in a peer process, as JSON. */
export interface PeerServerOptions extends JsonOptions {
  /** The peer opens `path` with these flags of open(2) (default O_RDWR); without a path the target is memory of the peer. */
  target: { size: number; path?: string; flags?: number };
  /** Holds requests of this kind back from the start of the device until `release`. */
  hold?: BlockRequest['kind'] | 'all';
}

/** What the peer reports: the number of its live device, then each request that it holds back. */
type PeerMessage = { live: number } | { held: BlockRequest };

/** What the test asks of the peer. */
type TestMessage = { release?: true; result?: number; stop?: true };

function openTarget({ size, path, flags = constants.O_RDWR }: PeerServerOptions['target']): Target {
  if (path === undefined) return { size, memory: new Memory(size) };
  return { size, fd: new File(path, flags).fd };
}

async function reportHeld(held: HeldRequests, context: PeerContext): Promise<void> {
  for (let count = 1; ; count++) {
    const request = (await held.arrived(count, 2 ** 31 - 1))[count - 1];
    context.tell({ held: request } as PeerMessage);
  }
}

/** Main function of the peer process: serves the device until it is asked to stop, or killed. */
async function serve(context: PeerContext, makeStrategy: StrategyFactory): Promise<void> {
  const { target, hold, ...options } = context.argument as PeerServerOptions;
  const server = await UblkServer.start(context.uapi, {
    ...options,
    target: openTarget(target),
    makeStrategy,
  });
  const held = hold && server.holdBack(({ kind }) => hold === 'all' || kind === hold);
  if (held) void reportHeld(held, context);
  context.tell({ live: server.id } as PeerMessage);
  for (;;) {
    const message = (await context.next()) as TestMessage;
    if (message.release) held?.release(message.result);
    if (message.stop) return await server[Symbol.asyncDispose]();
  }
}

/** The test's handle of a server in a peer process. Disposing kills the process and deletes the device if it still exists. */
export class PeerServer implements AsyncDisposable {
  readonly id: number;
  readonly process: PeerProcess;
  readonly #uapi: UapiTable;

  constructor(uapi: UapiTable, peerProcess: PeerProcess, id: number) {
    this.#uapi = uapi;
    this.process = peerProcess;
    this.id = id;
  }

  /** /dev/ublkbN */
  get path(): string {
    return `/dev/ublkb${this.id}`;
  }

  /** Waits for the next request that the server holds back. Throws TimeoutError, or Error when the process has ended. */
  async arrived(timeoutMs?: number): Promise<BlockRequest> {
    const message = (await this.process.next(timeoutMs)) as PeerMessage;
    if (!('held' in message)) throw new Error(`expected a held request: ${JSON.stringify(message)}`);
    return message.held;
  }

  /** Lets the held requests continue to the strategy, or completes them with `result`: bytes or -errno. */
  release(result?: number): void {
    this.process.tell({ release: true, result } satisfies TestMessage);
  }

  /** Stops and deletes the device, and waits until the process has exited. Throws Error when its exit code is not 0. */
  async stop(): Promise<void> {
    this.process.tell({ stop: true } satisfies TestMessage);
    const outcome = await this.process.ended();
    if (outcome !== 'exit code 0') throw new Error(`the server failed to stop: ${outcome}`);
  }

  /** Sends SIGKILL and waits until the process has ended. */
  async kill(): Promise<void> {
    await this.process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    using control = new UblkControl(this.#uapi);
    await deleteIfPresent(control, this.id);
  }
}

/**
 * Registers a server that runs in a peer process and returns the function that starts it. Call it once for each `name`, while
 * the module loads: the peer process loads the same modules and finds the strategy by the name. The returned function throws
 * Error when the peer ends before its device is live.
 */
export function peerServer(
  name: string,
  makeStrategy: StrategyFactory,
): (t: Test, options: PeerServerOptions) => Promise<PeerServer> {
  const peerName = `ublk: ${name}`;
  peer(peerName, (context) => serve(context, makeStrategy));
  return async (t, options) => {
    const peerProcess = startPeer(t, peerName, options);
    const message = (await peerProcess.next()) as PeerMessage;
    if (!('live' in message)) throw new Error(`expected a live device: ${JSON.stringify(message)}`);
    return t.use(new PeerServer(t.uapi, peerProcess, message.live));
  };
}
