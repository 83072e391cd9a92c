import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { LabError } from '../core/errors.ts';

/** A control channel that no longer answers is broken: QEMU serves it from its main loop. */
const ANSWER_MS = 60_000;

const Message = z.object({
  id: z.number().optional(),
  return: z.unknown().optional(),
  error: z.object({ class: z.string(), desc: z.string() }).optional(),
  event: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});

/** Something that QEMU tells by itself: `SHUTDOWN`, `DEVICE_DELETED`. */
export interface QmpEvent {
  event: string;
  data: Record<string, unknown>;
}

/** A Unix socket on which the lab listens for the one connection that QEMU makes. */
export async function listenOnce(path: string): Promise<{ connection: Promise<Socket> } & AsyncDisposable> {
  const server = createServer();
  const connection = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  server.listen(path);
  await once(server, 'listening');
  const close = async () => {
    sockets.forEach((socket) => void socket.destroy());
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return { connection, [Symbol.asyncDispose]: close };
}

/** Hands on a socket's lines. The end of the other side shows as `close`; how it ended does not matter. */
export function linesOf(socket: Socket, onLine: (line: string) => void): void {
  createInterface({ input: socket })
    .on('line', onLine)
    .on('error', () => {});
}

type Waiting = { resolve: (value: unknown) => void; reject: (error: Error) => void; command: string };

/** The QEMU machine protocol over a connected socket. */
export class Qmp {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  /** Resolves when QEMU has closed its end and all that it said has been taken. */
  readonly closed: Promise<void>;
  #next = 1;
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    linesOf(socket, (line) => this.#take(line));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#lost();
        resolve();
      });
    });
  }

  /** Runs a command; rejects with QEMU's own words, or when QEMU ends or does not answer. */
  execute(command: string, args: Record<string, unknown> = {}, deadlineMs = ANSWER_MS): Promise<unknown> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new LabError(`QMP ${command}: QEMU has ended`));
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new LabError(`QMP ${command}: no answer in ${deadlineMs} ms`));
      }, deadlineMs);
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          then(value);
        };
      this.#waiting.set(id, { command, resolve: settle(resolve), reject: settle(reject) });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  /** Calls `listener` with each later event; returns the way to stop. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The next event that `wanted` accepts; rejects after `deadlineMs` or when QEMU ends. Start to wait before causing it. */
  async nextEvent(wanted: (event: QmpEvent) => boolean, what: string, deadlineMs: number): Promise<QmpEvent> {
    let stop = () => {};
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        stop = this.onEvent((event) => wanted(event) && resolve(event));
        void this.closed.then(() => reject(new LabError(`${what}: QEMU has ended`)));
        timer = setTimeout(() => reject(new LabError(`${what}: not in ${deadlineMs} ms`)), deadlineMs);
      });
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  #take(line: string): void {
    const parsed = Message.safeParse(parseJson(line));
    if (!parsed.success) return;
    const { id, error, event, data = {} } = parsed.data;
    if (event !== undefined) for (const listener of [...this.#listeners]) listener({ event, data });
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || !waiting) return;
    this.#waiting.delete(id);
    if (error) waiting.reject(new LabError(`QMP ${waiting.command}: ${error.desc}`));
    else waiting.resolve(parsed.data.return);
  }

  #lost(): void {
    this.#closed = true;
    for (const { command, reject } of this.#waiting.values()) {
      reject(new LabError(`QMP ${command}: QEMU has ended`));
    }
    this.#waiting.clear();
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The host port that QEMU forwards to the guest's SSH port, from `info usernet`. */
export async function forwardedPort(qmp: Qmp): Promise<number> {
  const text = String(await qmp.execute('human-monitor-command', { 'command-line': 'info usernet' }));
  const port = /TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+22\b/.exec(text)?.[1];
  if (!port) throw new LabError(`QEMU names no forwarded port:\n${text}`);
  return Number(port);
}
