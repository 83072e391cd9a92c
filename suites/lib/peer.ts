import { type ChildProcess, fork } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { before, deferred, TimeoutError } from '../binding/index.ts';
import type { Test } from './test.ts';
import type { UapiTable } from './uapi.ts';

/** Names the helper that a second agent is to be, and its argument: JSON. */
const VARIABLE = 'RINGLAB_PEER';

/** What a helper process has. Messages are JSON. */
export interface PeerContext {
  readonly uapi: UapiTable;
  readonly argument: unknown;
  /** Says something to the test. */
  tell(message: unknown): void;
  /** What the test says next. */
  next(): Promise<unknown>;
}

export type PeerBody = (side: PeerContext) => Promise<void>;

const registered = new Map<string, PeerBody>();

/** Registers what a second process of the agent can be. Call it where modules are loaded: both processes load the same suite. */
export function peer(name: string, body: PeerBody): void {
  if (registered.has(name)) throw new Error(`two peers are called "${name}"`);
  registered.set(name, body);
}

/** The helper that this process was started as, if it was: for the agent. */
export function asPeer(uapi: UapiTable): (() => Promise<void>) | undefined {
  const asked = process.env[VARIABLE];
  if (asked === undefined) return undefined;
  return async () => {
    const { name, argument } = JSON.parse(asked) as { name: string; argument: unknown };
    const body = registered.get(name);
    if (!body) throw new Error(`no peer ${name}`);
    const inbox = new Inbox();
    process.on('message', (message) => inbox.put(message));
    // Nobody is left to serve when the test's process has gone.
    process.on('disconnect', () => process.exit());
    await body({ uapi, argument, tell: (message) => void process.send?.(message), next: () => inbox.take() });
  };
}

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

/** A second process of the agent, as the test sees it. Disposing kills it and waits for its end. */
export class PeerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #inbox = new Inbox();
  readonly #ended = deferred();
  #ending: string | undefined;

  constructor(name: string, argument: unknown) {
    const [, script = '', ...args] = process.argv;
    this.#child = fork(script, args, {
      env: { ...process.env, [VARIABLE]: JSON.stringify({ name, argument }) },
      // Options of this node are not for another; its standard output is the TAP stream.
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

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  tell(message: unknown): void {
    this.#child.send(message as object);
  }

  /** What it says next. Throws Error when it has ended, TimeoutError when it says nothing. */
  async next(timeoutMs = 20_000): Promise<unknown> {
    const deadline = performance.now() + timeoutMs;
    while (this.#inbox.length === 0) {
      if (this.#ending) throw new Error(`the peer process ended before it said more: ${this.#ending}`);
      if (!(await before(deadline, this.#inbox.woken())))
        throw new TimeoutError(`the peer process said nothing in ${timeoutMs} ms`);
    }
    return this.#inbox.shift();
  }

  /** Waits for its end: `exit code 0`, or a signal's name. Throws TimeoutError. */
  async ended(timeoutMs = 20_000): Promise<string> {
    if (!(await before(performance.now() + timeoutMs, this.#ended.promise)))
      throw new TimeoutError(`the peer process lives after ${timeoutMs} ms`);
    return this.#ending ?? '';
  }

  /** Kills it and waits for its end. Twice is once. */
  async kill(): Promise<void> {
    if (!this.#ending) this.#child.kill('SIGKILL');
    await this.#ended.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Starts a helper that is killed at the test's end at the latest. Starting a node takes a second in an emulated guest. */
export function startPeer(t: Test, name: string, argument: unknown): PeerProcess {
  return t.use(new PeerProcess(name, argument));
}
