import type { Device, Test } from '../lib/index.ts';
import type { Evidence } from './evidence.ts';

/** NVMe commands that are expected to use a mapping; `least` where the block layer may split or merge requests. */
export type Commands = number | { least: number; most?: number };

/** Whether a request uses its mapping in every implementation, or may take the ordinary path where an implementation chooses so. */
export interface Strictness {
  always?: boolean;
  /** Commands of the same I/O that take the ordinary path, at most. */
  ordinary?: number;
}

/**
 * Counts over several stretches of I/O what it shows of a mapping: I/O of a mapped buffer makes no mapping calls, any other I/O does. The
 * counters of the project's series show how many commands used a mapping.
 */
export class Usage {
  readonly #t: Test;
  readonly #device: Device;
  readonly #evidence: Evidence;
  #calls = 0;
  #used = 0;

  constructor(t: Test, device: Device, evidence: Evidence) {
    this.#t = t;
    this.#device = device;
    this.#evidence = evidence;
  }

  /** Runs `act`, which must do nothing but the I/O in question. */
  async count<T>(act: () => T | Promise<T>): Promise<T> {
    this.#evidence.mapped();
    const before = this.#evidence.counters?.used ?? 0;
    const result = await act();
    this.#used += (this.#evidence.counters?.used ?? 0) - before;
    this.#calls += this.#evidence.mapped() ?? 0;
    return result;
  }

  /** Asserts that the I/O used its mapping, by this many commands. */
  expect(commands: Commands, what: string, { always = false, ordinary = 0 }: Strictness = {}): void {
    if (!this.#evidence.isShown()) return;
    const least = typeof commands === 'number' ? commands : commands.least;
    // Metadata of a command are mapped for each command.
    const forMetadata = this.#device.metadataBytes > 0 ? Math.max(least, this.#used) : 0;
    const calls = Math.max(0, this.#calls - forMetadata - ordinary);
    const quantity = `DMA mapping calls of ${what}`;
    if (always) this.#t.equal(calls, 0, quantity);
    else this.#t.choice(calls, 0, quantity);
    if (!this.#evidence.counters) return;
    if (typeof commands === 'number')
      this.#t.equal(this.#used, commands, `commands of ${what} that used the mapping`);
    else
      this.#t.ok(
        this.#used >= least && this.#used <= (commands.most ?? this.#used),
        `${what} take ${least} to ${commands.most ?? 'any number of'} commands on the mapping (${this.#used})`,
      );
  }

  /** Asserts that the I/O used no mapping. */
  expectNone(what: string): void {
    if (!this.#evidence.isShown()) return;
    if (this.#evidence.mapped() !== undefined)
      this.#t.ok(this.#calls > 0, `${what} make DMA mapping calls (${this.#calls})`);
    if (this.#evidence.counters) this.#t.equal(this.#used, 0, `commands of ${what} that used a mapping`);
  }
}
