const MIB = 1 << 20;

/** Bytes or characters that cells may take. */
export interface Allowance {
  /** All cells of a run together. */
  total: number;
  /** One cell. */
  most: number;
  /** One cell, whatever others have taken: the flood of one costs no other its result. */
  least: number;
}

/** What suites print, standard output and standard error together, and records keep: the largest suites here print 2 MiB. */
export const OUTPUT: Allowance = { total: 512 * MIB, most: 64 * MIB, least: 8 * MIB };
/** What guests print on their consoles: a whole suite with a debug kernel takes under 1 MiB. */
export const CONSOLE: Allowance = { total: 2048 * MIB, most: 256 * MIB, least: 16 * MIB };
/**
 * Characters of results and complaints in the record. All cells go into one JSON text, and Node.js has no string of more than 512 Mi
 * characters.
 */
export const RESULTS: Allowance = { total: 64 * MIB, most: 8 * MIB, least: MIB / 2 };

/** What is left of an allowance in a run. */
export class Budget {
  readonly #allowance: Allowance;
  #left: number;

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
    this.#left = allowance.total;
  }

  /** Bytes or characters that the next cell may take. */
  get share(): number {
    const { most, least } = this.#allowance;
    return Math.max(least, Math.min(most, this.#left));
  }

  spend(amount: number): void {
    this.#left -= amount;
  }
}

/** Counts what a suite prints, and says when it is too much. */
export class OutputMeter {
  readonly #limit: number;
  #bytes = 0;
  #onFlood = () => {};
  /** Resolves when more than the limit has arrived. */
  readonly flooded: Promise<void>;

  constructor(limit = OUTPUT.most) {
    this.#limit = limit;
    this.flooded = new Promise((resolve) => {
      this.#onFlood = resolve;
    });
  }

  /** Bytes that have arrived and were within the limit. */
  get taken(): number {
    return Math.min(this.#bytes, this.#limit);
  }

  /** `1.5 MiB`, for messages. */
  get limitText(): string {
    return `${Math.round((this.#limit / MIB) * 10) / 10} MiB`;
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
