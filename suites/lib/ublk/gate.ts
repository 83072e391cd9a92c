import { before, deferred } from '../../binding/index.ts';
import { TimeoutError } from '../index.ts';
import type { BlockRequest } from './request.ts';

type Filter = (request: BlockRequest) => boolean;

/** Requests that stay unanswered until `release`. */
export class HeldBack {
  readonly #matches: Filter;
  readonly #requests: BlockRequest[] = [];
  readonly #going = deferred<number | undefined>();
  #more = deferred();
  #open = false;

  constructor(matches: Filter) {
    this.#matches = matches;
  }

  /** Those that have arrived, in this order. */
  get requests(): readonly BlockRequest[] {
    return this.#requests;
  }

  /** Waits until so many have arrived. Throws TimeoutError. */
  async arrived(count = 1, timeoutMs = 10_000): Promise<readonly BlockRequest[]> {
    const deadline = performance.now() + timeoutMs;
    while (this.#requests.length < count)
      if (!(await before(deadline, this.#more.promise)))
        throw new TimeoutError(
          `${this.#requests.length} of ${count} requests held back after ${timeoutMs} ms`,
        );
    return this.#requests;
  }

  /** Lets them go on, and holds nothing back any more. With `result` they are not answered but end with it, bytes or -errno. */
  release(result?: number): void {
    this.#open = true;
    this.#going.resolve(result);
  }

  wants(request: BlockRequest): boolean {
    return !this.#open && this.#matches(request);
  }

  /** Keeps a request until `release`; what that was given. */
  async keep(request: BlockRequest): Promise<number | undefined> {
    this.#requests.push(request);
    const { resolve } = this.#more;
    this.#more = deferred();
    resolve();
    return await this.#going.promise;
  }
}

/** All that a server holds back. */
export class Gate {
  readonly #held: HeldBack[] = [];

  hold(matches: Filter): HeldBack {
    const held = new HeldBack(matches);
    this.#held.push(held);
    return held;
  }

  /** Waits if somebody holds the request back: the first who wants it. With a result, it is to end with that. */
  async pass(request: BlockRequest): Promise<number | undefined> {
    return await this.#held.find((held) => held.wants(request))?.keep(request);
  }

  /** Ends what is still held back, with this result. */
  open(result: number): void {
    for (const held of this.#held.splice(0)) held.release(result);
  }
}
