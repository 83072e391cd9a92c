import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { LabError } from '../core/errors.ts';

/** QEMU answers from its main loop: a channel without an answer for this long is broken. */
const ANSWER_MS = 60_000;

const Message = z.object({
  /** In the greeting only. */
  QMP: z.unknown().optional(),
  id: z.number().optional(),
  return: z.unknown().optional(),
  error: z.object({ class: z.string(), desc: z.string() }).optional(),
  event: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});

/** An asynchronous event of QEMU: `SHUTDOWN`, `DEVICE_DELETED`. */
export interface QmpEvent {
  event: string;
  data: Record<string, unknown>;
}

/** A Unix socket that the lab listens on, for the single connection that QEMU makes. Disposing closes both. */
export interface ControlSocket extends AsyncDisposable {
  /** Resolves with the connection; never, where QEMU makes none. */
  readonly connection: Promise<Socket>;
  /**
   * For a QEMU that has ended: resolves when a connection that it made is accepted, however busy this process is. Returns whether
   * `connection` has resolved.
   */
  settled(): Promise<boolean>;
}

/** Listens on a Unix socket. */
export async function listenOnce(path: string): Promise<ControlSocket> {
  const server = createServer();
  const sockets = new Set<Socket>();
  let connect: (socket: Socket) => void = () => {};
  const connection = new Promise<Socket>((resolve) => {
    connect = resolve;
  });
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    if (sockets.size === 0) connect(socket);
    // Read to its end, else it is never closed.
    else socket.resume();
    sockets.add(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  const close = async () => {
    sockets.forEach((socket) => void socket.destroy());
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  // Connections are accepted in their order: when one of our own has come, each earlier one has. It ends at once, as QEMU has.
  const settled = async () => {
    const own = createConnection(path).on('error', () => {});
    const closed = new Promise((resolve) => own.once('close', resolve));
    own.end().resume();
    await closed;
    return sockets.size > 0;
  };
  return { connection, settled, [Symbol.asyncDispose]: close };
}

/** Calls `onLine` with each line of a socket. Errors are ignored: the socket's `close` event follows each. */
export function readLines(socket: Socket, onLine: (line: string) => void): void {
  createInterface({ input: socket })
    .on('line', onLine)
    .on('error', () => {});
}

type PendingCommand = { resolve: (value: unknown) => void; reject: (error: Error) => void; command: string };

/** The QEMU machine protocol over a connected socket. */
export class Qmp {
  readonly #socket: Socket;
  readonly #pending = new Map<number, PendingCommand>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  /** Resolves when QEMU has closed its end and every message has been handled. */
  readonly closed: Promise<void>;
  /**
   * Resolves when the greeting has come; commands wait for it (QMP specification, section 2.2). Writing to a QEMU that has ended
   * breaks the socket, and a SHUTDOWN event that is still unread would be lost.
   */
  readonly #greeted: Promise<void>;
  #greet = () => {};
  #nextId = 1;
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#greeted = new Promise((resolve) => {
      this.#greet = resolve;
    });
    readLines(socket, (line) => this.#take(line));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#rejectPending();
        resolve();
      });
    });
  }

  /** Runs a command and returns its result. Throws LabError with QEMU's message, or when QEMU ends or does not answer in time. */
  execute(command: string, args: Record<string, unknown> = {}, deadlineMs = ANSWER_MS): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new LabError(`QMP ${command}: QEMU has ended`));
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new LabError(`QMP ${command}: no answer within ${deadlineMs} ms`));
      }, deadlineMs);
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          then(value);
        };
      this.#pending.set(id, { command, resolve: settle(resolve), reject: settle(reject) });
      const message = JSON.stringify({ execute: command, arguments: args, id });
      void this.#greeted.then(() => this.#socket.write(`${message}\n`));
    });
  }

  /** Calls `listener` with each later event. Returns a function that stops it. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The next event that `accepts` returns true for. Must be called before the command that causes the event. Throws LabError,
   * which begins with `subject`, after `deadlineMs` or when QEMU ends.
   */
  async nextEvent(
    accepts: (event: QmpEvent) => boolean,
    subject: string,
    deadlineMs: number,
  ): Promise<QmpEvent> {
    let stop = () => {};
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        stop = this.onEvent((event) => accepts(event) && resolve(event));
        void this.closed.then(() => reject(new LabError(`${subject}: QEMU has ended`)));
        timer = setTimeout(() => {
          reject(new LabError(`${subject}: no event within ${deadlineMs} ms`));
        }, deadlineMs);
      });
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  #take(line: string): void {
    const message = Message.safeParse(parseJson(line));
    if (!message.success) return;
    const { id, error, event, data = {} } = message.data;
    if (message.data.QMP !== undefined) this.#greet();
    if (event !== undefined) for (const listener of [...this.#listeners]) listener({ event, data });
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (id === undefined || !pending) return;
    this.#pending.delete(id);
    if (error) pending.reject(new LabError(`QMP ${pending.command}: ${error.desc}`));
    else pending.resolve(message.data.return);
  }

  #rejectPending(): void {
    this.#closed = true;
    for (const { command, reject } of this.#pending.values()) {
      reject(new LabError(`QMP ${command}: QEMU has ended`));
    }
    this.#pending.clear();
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The host port that QEMU forwards to the guest's SSH port, from `info usernet`. Throws LabError when there is none. */
export async function forwardedPort(qmp: Qmp): Promise<number> {
  const text = String(await qmp.execute('human-monitor-command', { 'command-line': 'info usernet' }));
  const port = /TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+22\b/.exec(text)?.[1];
  if (!port) throw new LabError(`QEMU reports no forwarded port:\n${text}`);
  return Number(port);
}
