const MIB = 1 << 20;

/** Most bytes that a suite may print, standard output and standard error together: the largest suites here print 2 MiB. */
export const OUTPUT_LIMIT = 64 * MIB;

/** Counts what a suite prints, and says when it is too much. */
export class OutputMeter {
  readonly #limit: number;
  #bytes = 0;
  #onFlood = () => {};
  /** Resolves when more than the limit has arrived. */
  readonly flooded: Promise<void>;

  constructor(limit = OUTPUT_LIMIT) {
    this.#limit = limit;
    this.flooded = new Promise((resolve) => {
      this.#onFlood = resolve;
    });
  }

  /** `1.5 MiB`, for messages. */
  get limitText(): string {
    return `${this.#limit / MIB} MiB`;
  }

  /** The part of a chunk that is within the limit. */
  take(chunk: Buffer): Buffer {
    const room = Math.max(0, this.#limit - this.#bytes);
    this.#bytes += chunk.length;
    if (chunk.length <= room) return chunk;
    this.#onFlood();
    return chunk.subarray(0, room);
  }
}
