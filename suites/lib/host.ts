import type { Socket } from 'node:net';
import type { HostReply, HostRequest } from '../../lab/model/protocol.ts';

type Args = HostRequest['args'];

/**
 * The guest's end of the host channel: requests that only the host can carry out. Each call resolves when the host has finished and
 * throws Error when there is no channel, when the host refuses or fails (with its reason), or when the connection is lost. The next
 * call after a lost connection makes a new one.
 */
export class HostClient implements AsyncDisposable {
  readonly #port: number | undefined;
  #socket: Promise<Socket> | undefined;
  /** Requests without a reply, by id. */
  readonly #pending = new Map<
    number,
    { resolve: (reply: HostReply) => void; reject: (error: Error) => void }
  >();
  #id = 0;

  /** `port`: loopback port of the channel (RINGLAB_HOST_PORT); undefined where there is none. */
  constructor(port: number | undefined) {
    this.#port = port;
  }

  /** Whether there is a host channel. */
  get available(): boolean {
    return this.#port !== undefined;
  }

  /** Removes a controller (`Controller.id`): by the slot's attention button (about 6 s), or `abrupt`, as if the card were pulled out. */
  async unplug(id: string, { abrupt = false } = {}): Promise<void> {
    await this.ask('unplug', { serial: id, abrupt });
  }

  /** Puts an unplugged controller back into its slot. */
  async replug(id: string): Promise<void> {
    await this.ask('replug', { serial: id });
  }

  /** Limits a drive (`NamespaceInfo.drive`) to `iops` operations a second; 0 removes the limit. */
  async throttle(drive: string, iops: number): Promise<void> {
    await this.ask('throttle', { drive, iops });
  }

  /** Marks the current end of the console; `console` returns what follows it. */
  async mark(): Promise<void> {
    await this.ask('mark', {});
  }

  /** Console text since the last `mark`. */
  async console(): Promise<string> {
    return (await this.ask('console', {})).text ?? '';
  }

  /** Sends one request and resolves with its reply. The methods above are its verbs (lab/model/protocol.ts). */
  async ask(verb: HostRequest['verb'], args: Args): Promise<HostReply> {
    const socket = await this.#connected();
    const request: HostRequest = { id: ++this.#id, verb, args };
    const reply = await new Promise<HostReply>((resolve, reject) => {
      this.#pending.set(request.id, { resolve, reject });
      socket.ref();
      socket.write(`${JSON.stringify(request)}\n`);
    });
    if (!reply.ok)
      throw new Error(`host channel: ${verb} ${JSON.stringify(args)} failed: ${reply.error ?? 'no reason'}`);
    return reply;
  }

  #connected(): Promise<Socket> {
    this.#socket ??= this.#connect();
    return this.#socket;
  }

  async #connect(): Promise<Socket> {
    if (this.#port === undefined) throw new Error('no host channel: RINGLAB_HOST_PORT is not set');
    const { connect } = await import('node:net');
    const socket = connect(this.#port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve()).once('error', reject);
    });
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) this.#settle(JSON.parse(line) as HostReply);
    });
    const disconnect = (reason: string) => {
      for (const { reject } of this.#pending.values()) reject(new Error(`host channel: ${reason}`));
      this.#pending.clear();
      this.#socket = undefined;
    };
    socket.on('error', (error) => disconnect(error.message)).on('close', () => disconnect('closed'));
    socket.unref();
    return socket;
  }

  #settle(reply: HostReply): void {
    this.#pending.get(reply.id)?.resolve(reply);
    this.#pending.delete(reply.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket) (await this.#socket).destroy();
  }
}
