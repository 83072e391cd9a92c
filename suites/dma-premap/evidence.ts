import { type Device, DmaTrace, type Held, held, type Test, until } from '../lib/index.ts';

/** Shorter than the agent's deadline for the release of a test, which would be the reason of a leak instead. */
const RELEASE_MS = 8000;

/** Polls of `until` in a row after which a driver counts as quiet. */
const QUIET_POLLS = 10;

/**
 * What tests find out about mappings from outside: from calls of the DMA API, which every implementation makes, and from the counters that the
 * project's series has.
 */
export class Evidence {
  readonly #t: Test;
  readonly #device: Device;
  /** PCI functions of the device's controllers; they keep their names when they are unplugged and come back. */
  readonly #functions: ReadonlySet<string>;
  readonly #trace: DmaTrace | undefined;
  /** Why there is no trace. */
  readonly #reason: string;
  /** Bytes that were mapped at the beginning of the test. */
  readonly #bytesBefore: number;
  /** Mappings that were made and not undone since then. */
  #live = 0;
  /** Calls that the probes had missed then. */
  readonly #missedBefore: number;

  static readonly #ofTests = new WeakMap<Test, Map<string, Evidence>>();

  /**
   * The evidence of a test on the namespace with a role, one for all of its rings. The test also checks at its end, after everything that it
   * deferred later, that its mappings are undone.
   */
  static of(t: Test, device: Device): Evidence {
    const ofTest = Evidence.#ofTests.get(t) ?? new Map<string, Evidence>();
    Evidence.#ofTests.set(t, ofTest);
    const earlier = ofTest.get(device.info.role);
    if (earlier) return earlier;
    const evidence = new Evidence(t, device);
    ofTest.set(device.info.role, evidence);
    t.defer(() => evidence.untilReleased());
    return evidence;
  }

  private constructor(t: Test, device: Device) {
    this.#t = t;
    this.#device = device;
    this.#functions = new Set(device.controllers.map(({ address }) => address));
    const trace = DmaTrace.open();
    this.#trace = trace instanceof DmaTrace ? trace : undefined;
    this.#reason = trace instanceof DmaTrace ? '' : trace.reason;
    // What happened before is no part of the test.
    this.#trace?.take(this.#functions);
    this.#missedBefore = this.#trace?.missed() ?? 0;
    this.#bytesBefore = this.counters?.bytes ?? 0;
  }

  /** The counters of the project's series; undefined on a kernel with another one. */
  get counters(): Held | undefined {
    return held(this.#device);
  }

  /** Mappings that were made since the last call; undefined without a trace. */
  mapped(): number | undefined {
    const calls = this.#trace?.take(this.#functions);
    if (!calls) return undefined;
    this.#live += calls.mapped - calls.unmapped;
    return calls.mapped;
  }

  /** Whether anything shows mappings; marks the test as unproven where nothing does. */
  isShown(): boolean {
    if (this.#trace || this.counters) return true;
    this.#t.lacksEvidence('whether a mapping was used', this.#reason);
    return false;
  }

  /** Whether every mapping of the test is undone, as far as that can be seen. */
  #isReleased(): boolean {
    this.mapped();
    const { counters } = this;
    const isCounted = !counters || counters.bytes <= this.#bytesBefore;
    return isCounted && (this.#live <= 0 || !this.#isComplete());
  }

  /** Whether the trace has every call of the test; marks the test as unproven where it has not. */
  #isComplete(): boolean {
    const missed = (this.#trace?.missed() ?? 0) - this.#missedBefore;
    if (missed > 0) this.#t.lacksEvidence('whether mappings are undone', `probes missed ${missed} calls`);
    return missed === 0;
  }

  /** Waits until every mapping of the test is undone: the kernel tears rings down in a worker. Throws AssertionError on a timeout. */
  async untilReleased(): Promise<void> {
    if (!this.isShown()) return;
    await until('every mapping of the test is undone', () => this.#isReleased(), RELEASE_MS).catch(
      (error) => {
        this.#t.equal(this.#live, 0, 'mappings of the test that were not undone');
        throw error;
      },
    );
  }

  /** Waits until the driver maps nothing for itself: after a reset it identifies the controller anew in a worker. */
  async untilQuiet(): Promise<void> {
    let quiet = 0;
    await until('the driver maps nothing', () => {
      quiet = this.mapped() ? 0 : quiet + 1;
      return quiet > QUIET_POLLS;
    });
  }

  /**
   * Asserts that `bytes` bytes are mapped beyond those at the beginning of the test. Without the counters of the project's series only
   * whether anything is mapped can be seen.
   */
  expectMapped(bytes: number, quantity: string): void {
    if (!this.isShown()) return;
    const { counters } = this;
    if (counters) this.#t.equal(counters.bytes - this.#bytesBefore, bytes, quantity);
    this.mapped();
    if (!this.#trace || !this.#isComplete()) return;
    const condition = `${quantity}: DMA API calls show ${bytes === 0 ? 'no mapping' : 'a mapping'} (${this.#live})`;
    this.#t.ok(bytes === 0 ? this.#live === 0 : this.#live > 0, condition);
  }
}
