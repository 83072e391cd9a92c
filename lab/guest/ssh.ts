import type { Duplex } from 'node:stream';
import ssh2, { type Client, type ClientChannel, type ConnectConfig, type SFTPWrapper } from 'ssh2';
import { LabError } from '../core/errors.ts';
import type { ExecOptions, Guest } from '../model/machine.ts';
import { attend, type ExecResult, foldersOf } from './channel.ts';

type PushFile = Parameters<Guest['push']>[0][number];

export interface SshTarget {
  port: number;
  privateKey: string;
  /** The only host key that is accepted. */
  hostKey: Buffer;
  /** A guest that answers none of `misses` questions, `intervalMs` apart, is taken for gone. */
  keepalive: { intervalMs: number; misses: number };
  signal: AbortSignal;
}

/** Ciphers that need no wide registers come first: the other end is likely emulated. */
const ALGORITHMS: ConnectConfig['algorithms'] = {
  cipher: ['chacha20-poly1305@openssh.com', 'aes128-ctr'],
  compress: ['none'],
};

/** One SSH connection to a guest. */
export class SshLink implements AsyncDisposable {
  readonly #client: Client;
  /** Resolves with the reason when the connection is over, however it ended. */
  readonly closed: Promise<string>;
  #sftp: Promise<SFTPWrapper> | undefined;
  #over = false;

  private constructor(client: Client) {
    this.#client = client;
    this.closed = new Promise((resolve) => {
      client.on('error', (error) => resolve(error.message));
      client.once('close', () => resolve('the connection was closed'));
    });
    void this.closed.then(() => {
      this.#over = true;
    });
  }

  /** Connects and logs in as root. Rejects when the other end is not (yet) there or is somebody else. */
  static async connect(target: SshTarget): Promise<SshLink> {
    target.signal.throwIfAborted();
    const client = new ssh2.Client();
    const link = new SshLink(client);
    const abort = () => client.destroy();
    target.signal.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        client.once('ready', resolve);
        void link.closed.then((why) => reject(new LabError(`SSH to port ${target.port}: ${why}`)));
        client.connect({
          host: '127.0.0.1',
          port: target.port,
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

  /** Runs a command; `code` is null when a signal ended it or the connection broke. */
  async exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    const { signal } = options;
    signal?.throwIfAborted();
    let abort = () => {};
    try {
      const result = await new Promise<ExecResult>((resolve, reject) => {
        void this.closed.then(() => resolve({ code: null }));
        const opened = (error: Error | undefined, channel: ClientChannel) => {
          if (error) return this.#refused(error, () => resolve({ code: null }), reject);
          abort = () => {
            channel.signal('KILL');
            channel.close();
          };
          attend(channel, options, resolve);
          signal?.addEventListener('abort', abort, { once: true });
          if (signal?.aborted) abort();
        };
        // ssh2 throws instead of calling back when the connection is already down.
        try {
          this.#client.exec(command, opened);
        } catch (error) {
          this.#refused(error as Error, () => resolve({ code: null }), reject);
        }
      });
      signal?.throwIfAborted();
      return result;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Copies files into the guest, making their folders. */
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

  /** Listens on a port of the guest's loopback, which the guest picks; every connection to it goes to `onConnection`. */
  async listenInGuest(
    onConnection: (stream: Duplex) => void,
  ): Promise<{ port: number; close: () => Promise<void> }> {
    const port = await this.#promise<number>((done) => this.#client.forwardIn('127.0.0.1', 0, done));
    const accept = (info: { destPort: number }, take: () => Duplex, refuse: () => void) =>
      info.destPort === port ? onConnection(take()) : refuse();
    this.#client.on('tcp connection', accept);
    const close = async () => {
      this.#client.off('tcp connection', accept);
      // A connection that is gone has taken its forwards along.
      await this.#promise<void>((done) => this.#client.unforwardIn('127.0.0.1', port, done)).catch(() => {});
    };
    return { port, close };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
    await this.closed;
  }

  /** A guest that is gone cannot run a command, which is no fault of the lab; its loss shows just after the refusal. */
  #refused(error: Error, gone: () => void, failed: (error: Error) => void): void {
    setImmediate(() => {
      if (this.#over) gone();
      else failed(new LabError(`cannot run a command in the guest: ${error.message}`));
    });
  }

  async #makeFolder(sftp: SFTPWrapper, folder: string): Promise<void> {
    const there = this.#promise<unknown>((done) => sftp.stat(folder, done));
    await there.catch(() => this.#promise<void>((done) => sftp.mkdir(folder, done)));
  }

  /** A callback of ssh2 as a promise that also ends when the connection does. */
  #promise<T>(call: (done: (error?: Error | null, value?: T) => void) => unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      void this.closed.then((why) => reject(new LabError(`SSH: ${why}`)));
      // ssh2 throws instead of calling back when the connection is already down.
      try {
        call((error, value) => (error ? reject(error) : resolve(value as T)));
      } catch (error) {
        reject(error);
      }
    });
  }
}
