import { checked } from './error.ts';
import { type Handle, native } from './native.ts';

/** A promise and the function that resolves it. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Notifies the event loop when a descriptor (eventfd, pidfd) becomes readable. One thread per Notice polls the descriptor. */
export class Notice implements Disposable {
  #watch: Handle | undefined;
  #next = deferred();

  /** Watches a duplicate of `fd`. Throws SyscallError. */
  constructor(fd: number) {
    const notify = () => {
      const { resolve } = this.#next;
      this.#next = deferred();
      resolve();
    };
    this.#watch = checked<Handle>(native().watch(fd, notify), 'watch');
  }

  /** Resolves at the next notice. Call it before reading the state that it announces: a notice in between would be missed. */
  next(): Promise<void> {
    return this.#next.promise;
  }

  [Symbol.dispose](): void {
    if (this.#watch) native().unwatch(this.#watch);
    this.#watch = undefined;
    // Wakes waiters, which then see that what they wait for is closed.
    this.#next.resolve();
  }
}

/** Waits for a promise until `deadline` (ms of performance.now()). True when it resolved in time; rejects when it rejects. */
export async function before(deadline: number, promise: Promise<unknown>): Promise<boolean> {
  const expired = deferred<false>();
  const timer = setTimeout(() => expired.resolve(false), Math.max(0, deadline - performance.now()));
  try {
    return await Promise.race([promise.then(() => true), expired.promise]);
  } finally {
    clearTimeout(timer);
  }
}
