import { before, deferred } from '../../binding/index.ts';
import { TimeoutError } from '../base.ts';
import type { BlockRequest } from './request.ts';

type Filter = (request: BlockRequest) => boolean;

/** Requests that a server keeps unanswered until `release`. */
export class HeldRequests {
  readonly #matches: Filter;
  readonly #requests: BlockRequest[] = [];
  readonly #released = deferred<number | undefined>();
  #nextArrival = deferred();
  #open = false;

  constructor(matches: Filter) {
    this.#matches = matches;
  }

  /** The requests that have arrived, in order. */
  get requests(): readonly BlockRequest[] {
    return this.#requests;
  }

  /** Waits until `count` requests have arrived; returns all that have. Throws TimeoutError. */
  async arrived(count = 1, timeoutMs = 10_000): Promise<readonly BlockRequest[]> {
    const deadline = performance.now() + timeoutMs;
    while (this.#requests.length < count)
      if (!(await before(deadline, this.#nextArrival.promise)))
        throw new TimeoutError(
          `${this.#requests.length} of ${count} requests held back after ${timeoutMs} ms`,
        );
    return this.#requests;
  }

  /**
   * Lets the held requests continue to the strategy and holds no further ones. With `result` (bytes or -errno) they complete with
   * it, and the strategy is not called.
   */
  release(result?: number): void {
    this.#open = true;
    this.#released.resolve(result);
  }

  /** Whether this request is to be held. */
  holds(request: BlockRequest): boolean {
    return !this.#open && this.#matches(request);
  }

  /** Holds a request until `release`; resolves to the result that `release` was called with. */
  async hold(request: BlockRequest): Promise<number | undefined> {
    this.#requests.push(request);
    const { resolve } = this.#nextArrival;
    this.#nextArrival = deferred();
    resolve();
    return await this.#released.promise;
  }
}

/** Decides for each request of a server whether it is held back. */
export class Gate {
  readonly #held: HeldRequests[] = [];

  /** From now on holds back requests that match. */
  hold(matches: Filter): HeldRequests {
    const held = new HeldRequests(matches);
    this.#held.push(held);
    return held;
  }

  /**
   * Waits while the request is held, by the oldest filter that matches. Resolves to the result that the request is to complete
   * with (bytes or -errno), or to undefined when the strategy is to answer it.
   */
  async pass(request: BlockRequest): Promise<number | undefined> {
    return await this.#held.find((held) => held.holds(request))?.hold(request);
  }

  /** Completes all held requests with this result. */
  open(result: number): void {
    for (const held of this.#held.splice(0)) held.release(result);
  }
}
