/**
 * A stack of things to give back, newest first. Node 20 has no AsyncDisposableStack; this is the part of it that we use.
 * A failing release does not stop the others; all failures are thrown together at the end.
 */
export class Resources implements AsyncDisposable {
  #releases: (() => unknown)[] = [];

  /** Takes ownership of a disposable and returns it. */
  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.#releases.push(() =>
      Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose](),
    );
    return resource;
  }

  /** Runs `release` when the stack is disposed. */
  defer(release: () => unknown): void {
    this.#releases.push(release);
  }

  /** Hands everything over to the caller: this stack is then empty. */
  move(): Resources {
    const moved = new Resources();
    moved.#releases = this.#releases;
    this.#releases = [];
    return moved;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let release = this.#releases.pop(); release; release = this.#releases.pop()) {
      try {
        await release();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1)
      throw new AggregateError(failures, `${failures.length} resources failed to close`);
  }
}
