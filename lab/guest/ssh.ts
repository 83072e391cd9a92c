import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type Client, type ClientChannel, type ConnectConfig, type SFTPWrapper } from 'ssh2';
import { LabError } from '../core/errors.ts';
import type { ExecOptions, Guest } from '../model/machine.ts';
import { type ExecResult, foldersOf, pipeChannel } from './channel.ts';
import { RemoteFiles } from './sftp.ts';
import { within } from './timeouts.ts';

type PushFile = Parameters<Guest['push']>[0][number];

interface SshTarget {
  port: number;
  privateKey: string;
  /** The only host key that is accepted. */
  hostKey: Buffer;
  /** The connection is closed when the guest answers none of `misses` keepalive messages, `intervalMs` apart. */
  keepalive: { intervalMs: number; misses: number };
  signal: AbortSignal;
}

/** Ciphers without wide registers come first: they are cheap for an emulated guest. */
const ALGORITHMS: ConnectConfig['algorithms'] = {
  cipher: ['chacha20-poly1305@openssh.com', 'aes128-ctr'],
  compress: ['none'],
};

/** How long a guest may take to end a forward, ms. */
const UNFORWARD_MS = 1_000;

/** The SSH connection to a guest. */
export class SshLink implements AsyncDisposable {
  readonly #client: Client;
  /** What the client sends and receives on. */
  readonly #socket: Socket;
  /** Resolves with the reason when the connection has ended, by either side. */
  readonly closed: Promise<string>;
  #sftp: Promise<SFTPWrapper> | undefined;
  #isClosed = false;

  private constructor(client: Client, socket: Socket) {
    this.#client = client;
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      client.on('error', (error) => resolve(error.message));
      client.once('close', () => resolve('the connection was closed'));
    });
    void this.closed.then(() => {
      this.#isClosed = true;
    });
  }

  /**
   * Connects and logs in as root. Throws LabError when no sshd answers or its host key is not the expected one, the abort reason
   * when `target.signal` fires.
   */
  static async connect(target: SshTarget): Promise<SshLink> {
    target.signal.throwIfAborted();
    const client = new ssh2.Client();
    // ssh2 registers a listener for each of its calls.
    const socket = connect(target.port, '127.0.0.1').setMaxListeners(0);
    const link = new SshLink(client, socket);
    const abort = () => client.destroy();
    target.signal.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        client.once('ready', resolve);
        void link.closed.then((reason) => reject(new LabError(`SSH to port ${target.port}: ${reason}`)));
        client.connect({
          sock: socket,
          username: 'root',
          privateKey: target.privateKey,
          hostVerifier: (key: Buffer) => key.equals(target.hostKey),
          // The caller has the deadline.
          readyTimeout: 0,
          keepaliveInterval: target.keepalive.intervalMs,
          keepaliveCountMax: target.keepalive.misses,
          algorithms: ALGORITHMS,
        });
      });
      return link;
    } catch (error) {
      client.destroy();
      target.signal.throwIfAborted();
      throw error;
    } finally {
      target.signal.removeEventListener('abort', abort);
    }
  }

  /**
   * Runs a command; `code` is null when a signal ended it or the connection broke. Throws LabError when the guest refuses to run
   * it, the abort reason when `options.signal` fires.
   */
  async exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    const { signal } = options;
    signal?.throwIfAborted();
    let abort = () => {};
    try {
      const result = await new Promise<ExecResult>((resolve, reject) => {
        void this.closed.then(() => resolve({ code: null }));
        const onChannel = (error: Error | undefined, channel: ClientChannel) => {
          if (error) return this.#onRefusal(error, () => resolve({ code: null }), reject);
          abort = () => {
            channel.signal('KILL');
            channel.close();
          };
          pipeChannel(channel, options, resolve);
          signal?.addEventListener('abort', abort, { once: true });
          if (signal?.aborted) abort();
        };
        // ssh2 throws instead of calling back when the connection is already down.
        try {
          this.#client.exec(command, onChannel);
        } catch (error) {
          this.#onRefusal(error as Error, () => resolve({ code: null }), reject);
        }
      });
      signal?.throwIfAborted();
      return result;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** The guest's files. Throws LabError when the guest has no SFTP server, or the connection ends. */
  async files(): Promise<RemoteFiles> {
    this.#sftp ??= this.#promise((done) => this.#client.sftp(done));
    return new RemoteFiles(await this.#sftp, this.closed);
  }

  /** Copies files into the guest and creates their folders. Throws LabError when a file cannot be copied. */
  async push(files: readonly PushFile[]): Promise<void> {
    this.#sftp ??= this.#promise((done) => this.#client.sftp(done));
    const sftp = await this.#sftp;
    for (const folder of foldersOf(files.map(({ to }) => to))) await this.#makeFolder(sftp, folder);
    await Promise.all(
      files.map(({ from, to, mode = 0o644 }) =>
        this.#promise<void>((done) => {
          const finish = (error?: Error | null) => done(error ?? undefined);
          if (typeof from === 'string') sftp.fastPut(from, to, { mode }, finish);
          else sftp.writeFile(to, from, { mode }, finish);
        }).catch((cause) => {
          throw new LabError(`cannot copy ${to} into the guest`, { cause });
        }),
      ),
    );
  }

  /**
   * Listens on the guest's loopback, on a port that the guest picks, and passes every connection to `onConnection`. Throws LabError
   * when the SSH connection has ended.
   */
  async listenInGuest(
    onConnection: (stream: Duplex) => void,
  ): Promise<{ port: number; close: () => Promise<void> }> {
    const port = await this.#promise<number>((done) => this.#client.forwardIn('127.0.0.1', 0, done));
    const onTcp = (info: { destPort: number }, accept: () => ClientChannel, reject: () => void) => {
      if (info.destPort !== port) return reject();
      const channel = accept();
      // A forward has none, but a hostile sshd may send it all the same.
      channel.stderr.resume();
      onConnection(channel);
    };
    this.#client.on('tcp connection', onTcp);
    const close = async () => {
      this.#client.off('tcp connection', onTcp);
      const ended = this.#promise<void>((done) => this.#client.unforwardIn('127.0.0.1', port, done));
      // The forwards of a connection end with it: a guest that does not answer needs not be waited for.
      await within(UNFORWARD_MS, ended).catch(() => {});
    };
    return { port, close };
  }

  /**
   * Resolves when the guest takes what is sent, or the connection has ended. A channel takes as much as the guest says it has room for,
   * which may be a lie: the rest waits in the socket.
   */
  async flushed(): Promise<void> {
    const socket = this.#socket;
    if (!socket.writableNeedDrain || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
    await this.closed;
  }

  /**
   * Handles a command that was not started. A lost guest is no fault of the lab, but the connection's end is only noticed just
   * after the refusal.
   */
  #onRefusal(error: Error, gone: () => void, failed: (error: Error) => void): void {
    setImmediate(() => {
      if (this.#isClosed) gone();
      else failed(new LabError(`cannot run a command in the guest: ${error.message}`));
    });
  }

  async #makeFolder(sftp: SFTPWrapper, folder: string): Promise<void> {
    const exists = this.#promise<unknown>((done) => sftp.stat(folder, done));
    await exists.catch(() => this.#promise<void>((done) => sftp.mkdir(folder, done)));
  }

  /** A call of ssh2 as a promise that also rejects when the connection ends. */
  #promise<T>(call: (done: (error?: Error | null, value?: T) => void) => unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      void this.closed.then((reason) => reject(new LabError(`SSH: ${reason}`)));
      // ssh2 throws instead of calling back when the connection is already down.
      try {
        call((error, value) => (error ? reject(error) : resolve(value as T)));
      } catch (error) {
        reject(error);
      }
    });
  }
}
