import type { CellFile } from '../../lab/model/protocol.ts';
import { Assertions } from './assert.ts';
import type { Device } from './device.ts';
import type { HostClient } from './host.ts';
import { SkipError, type UapiTable } from './uapi.ts';

type Fact = string | number | boolean;

/** One figure of a test; `better` says which way is. */
export interface Metric {
  name: string;
  value: number;
  unit: string;
  better: 'lower' | 'higher' | 'none';
  /** What boots of one kernel differ by, as a share of the figure, where that is more than 0.2%. */
  noise?: number;
}

/** What a test cannot do without; it is skipped, with the reason, where something is missing. */
export interface Needs {
  /** Device roles, e.g. `data`. */
  devices?: readonly string[];
  /** Names the kernel's headers must have. */
  uapi?: readonly string[];
  /** First kernel release that behaves so, e.g. `6.2`, where the headers do not tell. */
  kernel?: string;
  /** Facts of the guest: the exact value, or `true` for any that is neither false, 0 nor `none`. */
  facts?: Record<string, Fact>;
  /**
   * A fault that kernels are known to have, with where it was fixed: a failure is then reported as `# TODO` and fails
   * nothing. A kernel that passes is not told of it.
   */
  knownFault?: string;
  /** Deadline of this test where the cell's is too short (or needlessly long), ms. */
  timeoutMs?: number;
}

/** Where tests run: the cell, the kernel's names, the host's help, the devices. */
export interface Lab {
  readonly cell: CellFile;
  readonly uapi: UapiTable;
  readonly host: HostClient;
  /** The namespace with this role. Throws SkipError when the guest has none. */
  device(role: string): Device;
}

/** One running test: assertions, its surroundings, and what has to be given back at its end. */
export class Test extends Assertions {
  readonly name: string;
  readonly lab: Lab;
  /** Fires when the test's deadline has passed. */
  readonly signal: AbortSignal;
  readonly notes: string[] = [];
  readonly #releases: (() => unknown)[] = [];

  constructor(name: string, lab: Lab, signal: AbortSignal) {
    super();
    this.name = name;
    this.lab = lab;
    this.signal = signal;
  }

  get uapi(): UapiTable {
    return this.lab.uapi;
  }

  device(role: string): Device {
    return this.lab.device(role);
  }

  skip(reason: string): never {
    throw new SkipError(reason);
  }

  /** What `since` found, for the result. */
  behaviour: string | undefined;

  /**
   * Is the kernel of this release (`6.2`) or later? `change` says what changed then and where that is known from. It goes
   * with the result, so that a comparison of two kernels shows why both are right though they differ.
   */
  since(release: string, change: string): boolean {
    const changed = this.uapi.since(release);
    const found = `${changed ? 'since' : 'before'} Linux ${release}: ${change}`;
    this.behaviour = this.behaviour === undefined ? found : `${this.behaviour}; ${found}`;
    return changed;
  }

  readonly metrics: Metric[] = [];

  /** A figure that goes with the result. */
  metric(metric: Metric): void {
    this.metrics.push(metric);
  }

  /** A line of TAP comment with this test. */
  note(text: string): void {
    this.notes.push(text);
  }

  /** Runs `release` when the test ends, newest first, however it ends. */
  defer(release: () => unknown): void {
    this.#releases.push(release);
  }

  /** Takes ownership of a disposable until the test's end and returns it. */
  use<T extends Disposable | AsyncDisposable>(resource: T): T {
    this.defer(() =>
      Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose](),
    );
    return resource;
  }

  /** Gives everything back; the first failure is thrown after all have been tried. */
  async release(): Promise<void> {
    const failures: unknown[] = [];
    for (let next = this.#releases.pop(); next; next = this.#releases.pop()) {
      try {
        await next();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

export type Body = (t: Test) => void | Promise<void>;

export interface TestCase {
  name: string;
  needs: Needs;
  body: Body;
}

const registered: TestCase[] = [];
let inherited: Needs = {};

/** Registers a test; names are unique within a suite. Needs of the surrounding `suite` are added. */
export function test(name: string, needs: Needs, body: Body): void;
export function test(name: string, body: Body): void;
export function test(name: string, ...rest: [Needs, Body] | [Body]): void {
  const [needs, body] = rest.length === 2 ? rest : ([{}, rest[0]] as const);
  if (registered.some((known) => known.name === name)) throw new Error(`two tests are called "${name}"`);
  registered.push({ name, needs: joined(inherited, needs), body });
}

function joined(outer: Needs, inner: Needs): Needs {
  return {
    ...outer,
    ...inner,
    devices: [...(outer.devices ?? []), ...(inner.devices ?? [])],
    uapi: [...(outer.uapi ?? []), ...(inner.uapi ?? [])],
    facts: { ...outer.facts, ...inner.facts },
  };
}

/** Registers the tests of a group, all with the same needs. */
export function suite(_name: string, needs: Needs, register: () => void): void {
  const before = inherited;
  inherited = joined(inherited, needs);
  register();
  inherited = before;
}

/** Everything that was registered, in order. */
export function registeredTests(): readonly TestCase[] {
  return registered;
}
