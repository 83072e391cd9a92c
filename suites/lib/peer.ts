import { type ChildProcess, fork } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { before, deferred, TimeoutError } from '../binding/index.ts';
import type { Test } from './test.ts';
import type { UapiTable } from './uapi.ts';

/** Environment variable of a peer process: JSON of the peer's name and argument. */
const VARIABLE = 'RINGLAB_PEER';

/** What the body of a peer process works with. Messages are JSON values. */
export interface PeerContext {
  /** Names and numbers of the kernel under test. */
  readonly uapi: UapiTable;
  /** The argument of `startPeer`. */
  readonly argument: unknown;
  /** Sends a message to the test. */
  tell(message: unknown): void;
  /** The test's next message; waits for it. */
  next(): Promise<unknown>;
}

/** What a peer process runs; the process ends when it resolves. */
export type PeerBody = (side: PeerContext) => Promise<void>;

const registered = new Map<string, PeerBody>();

/**
 * Registers what `startPeer` can run. Call it at the top level of a module: the peer process finds the body by loading the same suite.
 * Throws Error when the name is taken.
 */
export function peer(name: string, body: PeerBody): void {
  if (registered.has(name)) throw new Error(`a peer named "${name}" is already registered`);
  registered.set(name, body);
}

/** The main function of this process if it was started as a peer; for the agent, once its suite is loaded. */
export function peerMain(uapi: UapiTable): (() => Promise<void>) | undefined {
  const request = process.env[VARIABLE];
  if (request === undefined) return undefined;
  return async () => {
    const { name, argument } = JSON.parse(request) as { name: string; argument: unknown };
    const body = registered.get(name);
    if (!body) throw new Error(`no peer named "${name}" is registered`);
    const inbox = new Inbox();
    process.on('message', (message) => inbox.put(message));
    // A peer must not outlive the process that would kill it.
    process.on('disconnect', () => process.exit());
    await body({ uapi, argument, tell: (message) => void process.send?.(message), next: () => inbox.take() });
  };
}

/** Messages that have arrived, in order, and a promise for the next change. */
class Inbox {
  readonly #messages: unknown[] = [];
  #more = deferred();

  put(message: unknown): void {
    this.#messages.push(message);
    this.wake();
  }

  wake(): void {
    const { resolve } = this.#more;
    this.#more = deferred();
    resolve();
  }

  get length(): number {
    return this.#messages.length;
  }

  woken(): Promise<void> {
    return this.#more.promise;
  }

  shift(): unknown {
    return this.#messages.shift();
  }

  async take(): Promise<unknown> {
    while (this.length === 0) await this.woken();
    return this.shift();
  }
}

/** The test's side of a peer process. Disposing kills the process and waits for its end. */
export class PeerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #inbox = new Inbox();
  readonly #ended = deferred();
  #ending: string | undefined;

  constructor(name: string, argument: unknown) {
    const [, script = '', ...args] = process.argv;
    this.#child = fork(script, args, {
      env: { ...process.env, [VARIABLE]: JSON.stringify({ name, argument }) },
      // Without the options of this node, which may be a debugger's; standard output is the test's TAP stream.
      ...{ execArgv: [], execPath: realpathSync('/proc/self/exe') },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => this.#inbox.put(message));
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('exit', (code, signal) => this.#end(signal ?? `exit code ${code}`));
  }

  #end(ending: string): void {
    this.#ending ??= ending;
    this.#ended.resolve();
    this.#inbox.wake();
  }

  /** Its process id; -1 when it could not be started. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Sends a message to the peer. */
  tell(message: unknown): void {
    this.#child.send(message as object);
  }

  /** The peer's next message. Throws Error when it has ended, TimeoutError when no message comes in time. */
  async next(timeoutMs = 20_000): Promise<unknown> {
    const deadline = performance.now() + timeoutMs;
    while (this.#inbox.length === 0) {
      if (this.#ending) throw new Error(`the peer process ended before its next message: ${this.#ending}`);
      if (!(await before(deadline, this.#inbox.woken())))
        throw new TimeoutError(`no message from the peer process in ${timeoutMs} ms`);
    }
    return this.#inbox.shift();
  }

  /** Waits for its end; how it ended: `exit code 0`, or a signal's name. Throws TimeoutError. */
  async ended(timeoutMs = 20_000): Promise<string> {
    if (!(await before(performance.now() + timeoutMs, this.#ended.promise)))
      throw new TimeoutError(`the peer process still runs after ${timeoutMs} ms`);
    return this.#ending ?? '';
  }

  /** Kills it and waits for its end. Does nothing more when repeated. */
  async kill(): Promise<void> {
    if (!this.#ending) this.#child.kill('SIGKILL');
    await this.#ended.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/**
 * Starts a peer process, which is killed at the test's end at the latest. `argument` is a JSON value. Starting Node takes about a second
 * in an emulated guest.
 */
export function startPeer(t: Test, name: string, argument: unknown): PeerProcess {
  return t.use(new PeerProcess(name, argument));
}
