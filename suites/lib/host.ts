import type { Socket } from 'node:net';
import type { HostReply, HostRequest } from '../../lab/model/protocol.ts';

type Args = HostRequest['args'];

/** What only the host can do for a test. Each call ends when the host has done it, and throws what the host could not do. */
export class HostClient implements AsyncDisposable {
  readonly #port: number | undefined;
  #socket: Promise<Socket> | undefined;
  #waiting = new Map<number, { resolve: (reply: HostReply) => void; reject: (error: Error) => void }>();
  #id = 0;

  /** `port`: loopback port of the channel; undefined where nobody helps. */
  constructor(port: number | undefined) {
    this.#port = port;
  }

  get available(): boolean {
    return this.#port !== undefined;
  }

  /** Takes a controller (`Controller.id`) away: by the slot's button (about 6 s), or `abrupt`, as if it were pulled out. */
  async unplug(id: string, { abrupt = false } = {}): Promise<void> {
    await this.ask('unplug', { serial: id, abrupt });
  }

  async replug(id: string): Promise<void> {
    await this.ask('replug', { serial: id });
  }

  /** Limits a drive (`NamespaceInfo.drive`) to so many operations a second; 0 lifts the limit. */
  async throttle(drive: string, iops: number): Promise<void> {
    await this.ask('throttle', { drive, iops });
  }

  /** Marks the console: `console` then gives what came after. */
  async mark(): Promise<void> {
    await this.ask('mark', {});
  }

  async console(): Promise<string> {
    return (await this.ask('console', {})).text ?? '';
  }

  async ask(verb: HostRequest['verb'], args: Args): Promise<HostReply> {
    const socket = await this.#connected();
    const request: HostRequest = { id: ++this.#id, verb, args };
    const reply = await new Promise<HostReply>((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      socket.ref();
      socket.write(`${JSON.stringify(request)}\n`);
    });
    if (!reply.ok)
      throw new Error(`the host could not ${verb} ${JSON.stringify(args)}: ${reply.error ?? 'no reason'}`);
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
      for (const line of lines) this.#answer(JSON.parse(line) as HostReply);
    });
    const lost = (why: string) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`host channel: ${why}`));
      this.#waiting.clear();
      this.#socket = undefined;
    };
    socket.on('error', (error) => lost(error.message)).on('close', () => lost('closed'));
    socket.unref();
    return socket;
  }

  #answer(reply: HostReply): void {
    this.#waiting.get(reply.id)?.resolve(reply);
    this.#waiting.delete(reply.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket) (await this.#socket).destroy();
  }
}
