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
} from '../index.ts';
import { Control, deleteIfThere } from './control.ts';
import type { HeldBack } from './gate.ts';
import type { BlockRequest } from './request.ts';
import { type ServerOptions, UblkServer } from './server.ts';
import type { Answering } from './strategy.ts';
import type { Target } from './target.ts';

type Plain = Omit<ServerOptions, 'target' | 'answering'>;

/** A server in a process of its own, as JSON. */
export interface ChildServerOptions extends Plain {
  /** A path that is opened, with these flags of open(2) (default O_RDWR); without one, memory. */
  target: { size: number; path?: string; flags?: number };
  /** Requests that are held back from the start of the device until `release`. */
  hold?: BlockRequest['kind'] | 'all';
}

type Said = { live: number } | { held: BlockRequest };

function openTarget({ size, path, flags = constants.O_RDWR }: ChildServerOptions['target']): Target {
  if (path === undefined) return { size, memory: new Memory(size) };
  return { size, fd: new File(path, flags).fd };
}

async function tellHeld(held: HeldBack, side: PeerContext): Promise<void> {
  for (let count = 1; ; count++) {
    const request = (await held.arrived(count, 2 ** 31 - 1))[count - 1];
    side.tell({ held: request } as Said);
  }
}

/** The other process: it lives until it is killed, or told to stop. */
async function serve(side: PeerContext, answering: Answering): Promise<void> {
  const { target, hold, ...options } = side.argument as ChildServerOptions;
  const server = await UblkServer.start(side.uapi, { ...options, target: openTarget(target), answering });
  const held = hold && server.holdBack(({ kind }) => hold === 'all' || kind === hold);
  if (held) void tellHeld(held, side);
  side.tell({ live: server.id } as Said);
  for (;;) {
    const message = (await side.next()) as { release?: true; result?: number; stop?: true };
    if (message.release) held?.release(message.result);
    if (message.stop) return await server[Symbol.asyncDispose]();
  }
}

/** A server in a process of its own, as the test sees it. Disposing kills it and deletes what is left of the device. */
export class ChildServer implements AsyncDisposable {
  readonly id: number;
  readonly process: PeerProcess;
  readonly #uapi: UapiTable;

  constructor(uapi: UapiTable, child: PeerProcess, id: number) {
    this.#uapi = uapi;
    this.process = child;
    this.id = id;
  }

  /** /dev/ublkbN */
  get path(): string {
    return `/dev/ublkb${this.id}`;
  }

  /** Waits for the next request that is held back. Throws TimeoutError, Error when the process has ended. */
  async arrived(timeoutMs?: number): Promise<BlockRequest> {
    const said = (await this.process.next(timeoutMs)) as Said;
    if (!('held' in said)) throw new Error(`expected a request: ${JSON.stringify(said)}`);
    return said.held;
  }

  /** Lets what is held back go on, or end with `result`: bytes or -errno. */
  release(result?: number): void {
    this.process.tell({ release: true, result });
  }

  /** Has it stop and delete the device as a good server does; ends when the process has. Throws Error when it could not. */
  async stop(): Promise<void> {
    this.process.tell({ stop: true });
    const ending = await this.process.ended();
    if (ending !== 'exit code 0') throw new Error(`the server did not end well: ${ending}`);
  }

  /** SIGKILL; ends when the process has. */
  async kill(): Promise<void> {
    await this.process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    using control = new Control(this.#uapi);
    await deleteIfThere(control, this.id);
  }
}

/**
 * Makes a starter of servers in processes of their own that answer in this way. To be called where the module is loaded, once a
 * name: the other process loads the same modules and finds the way by its name.
 */
export function childServer(
  name: string,
  answering: Answering,
): (t: Test, options: ChildServerOptions) => Promise<ChildServer> {
  const known = `ublk: ${name}`;
  peer(known, (side) => serve(side, answering));
  return async (t, options) => {
    const child = startPeer(t, known, options);
    const said = (await child.next()) as Said;
    if (!('live' in said)) throw new Error(`expected a device: ${JSON.stringify(said)}`);
    return t.use(new ChildServer(t.uapi, child, said.live));
  };
}
