/**
 * Resources that are released together, newest first: the part of AsyncDisposableStack that we use, which Node 20 does not have.
 * A release that fails does not stop the others. Disposing throws the failure at the end, or an AggregateError of several.
 *
 * @example
 * await using resources = new Resources();
 * const { dir } = resources.use(await scratchFolder('guest'));
 * resources.defer(() => console.log('released first'));
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

  /** Moves all resources into a new stack, which the caller then owns. */
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
