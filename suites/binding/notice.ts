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

/** Tells the event loop that a descriptor (eventfd, pidfd) became readable; a thread of its own does the waiting. */
export class Notice implements Disposable {
  #watch: Handle | undefined;
  #next = deferred();

  constructor(fd: number) {
    const tell = () => {
      const { resolve } = this.#next;
      this.#next = deferred();
      resolve();
    };
    this.#watch = checked<Handle>(native().watch(fd, tell), 'watch');
  }

  /** Resolves at the next notice. Take it before looking at the state that it is about, or one may slip through. */
  next(): Promise<void> {
    return this.#next.promise;
  }

  [Symbol.dispose](): void {
    if (this.#watch) native().unwatch(this.#watch);
    this.#watch = undefined;
    // Whoever waits looks at its state again, and finds it closed.
    this.#next.resolve();
  }
}

/** Waits for a promise at most until `deadline` (performance.now() ms); false when it was the clock. */
export async function before(deadline: number, promise: Promise<unknown>): Promise<boolean> {
  const clock = deferred<false>();
  const timer = setTimeout(() => clock.resolve(false), Math.max(0, deadline - performance.now()));
  try {
    return await Promise.race([promise.then(() => true), clock.promise]);
  } finally {
    clearTimeout(timer);
  }
}
