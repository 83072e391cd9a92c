import { isDeepStrictEqual } from 'node:util';
import type { CellFile, TestClass } from '../../lab/model/protocol.ts';
import { AssertionError, Assertions } from './assert.ts';
import type { Choices } from './choice.ts';
import type { Device } from './device.ts';
import type { HostClient } from './host.ts';
import { SkipError, type UapiTable } from './uapi.ts';

type Fact = string | number | boolean;

/** A measured figure of a test; `better` is the direction of an improvement. */
export interface Metric {
  name: string;
  value: number;
  unit: string;
  better: 'lower' | 'higher' | 'none';
  /** Share of the figure by which boots of the same kernel differ, if that is more than the default of 0.2% (0.01 is 1%). */
  noise?: number;
}

/** What a test requires. Where something is missing the test is skipped with that reason. */
export interface Needs {
  /** Roles of namespaces, e.g. `data`. */
  devices?: readonly string[];
  /** Names of constants that the kernel's headers must have. */
  uapi?: readonly string[];
  /** First kernel release with the behaviour, e.g. `6.2`, where the headers do not show it. */
  kernel?: string;
  /** Facts of the guest (`cell.json`): the exact value, or `true` for any value but false, 0 and `none`. */
  facts?: Record<string, Fact>;
  /**
   * A fault that kernels are known to have, and the commit or release that fixed it. A failure is then reported as `# TODO` and fails
   * neither the suite nor the cell; a pass is an ordinary pass.
   */
  knownFault?: string;
  /**
   * What a failure means for a series by others: `contract`, `objection`, `safety` or `choice`. On a kernel without a series of this project a
   * test of class `choice` that fails is reported as `# TODO` and fails nothing, unless it exceeds its deadline or its requests hang.
   */
  class?: TestClass;
  /** Deadline of this test, ms; default: the cell's. */
  timeoutMs?: number;
}

/** The surroundings of the tests of a cell. */
export interface Lab {
  /** The content of `cell.json`. */
  readonly cell: CellFile;
  /** Names and numbers of the kernel under test. */
  readonly uapi: UapiTable;
  /** The host channel: unplug, throttle, console. */
  readonly host: HostClient;
  /** What tests have seen of behaviours that are documented in several ways. */
  readonly choices: Choices;
  /** The guest's namespace with this role. Throws SkipError when it has none. */
  device(role: string): Device;
}

/** Most differences of one test that are reported. */
const MOST_DIFFERENCES = 20;

/** A running test: its assertions, its surroundings, and the resources to release at its end. */
export class Test extends Assertions {
  readonly name: string;
  readonly lab: Lab;
  /** Aborted when the test's deadline has passed. */
  readonly signal: AbortSignal;
  /** Lines for the TAP stream, see `note`. */
  readonly notes: string[] = [];
  readonly #releases: (() => unknown)[] = [];

  constructor(name: string, lab: Lab, signal: AbortSignal) {
    super();
    this.name = name;
    this.lab = lab;
    this.signal = signal;
  }

  /** Names and numbers of the kernel under test. */
  get uapi(): UapiTable {
    return this.lab.uapi;
  }

  /** The guest's namespace with this role. Throws SkipError when it has none. */
  device(role: string): Device {
    return this.lab.device(role);
  }

  /** Ends the test as skipped: throws SkipError. */
  skip(reason: string): never {
    throw new SkipError(reason);
  }

  /** The behaviours that `since` has selected and `oneOf` has seen, joined by `; `; undefined before the first. */
  behaviour: string | undefined;

  #addBehaviour(text: string): void {
    if (this.behaviour?.split('; ').includes(text)) return;
    this.behaviour = this.behaviour === undefined ? text : `${this.behaviour}; ${text}`;
  }

  /**
   * Whether the kernel is of this release (`6.2`) or later. For tests that assert either of two correct behaviours: `change` names what
   * changed in that release, with its commit or function. It is reported with the result, so that a comparison of two kernels explains
   * the difference.
   */
  since(release: string, change: string): boolean {
    const isSince = this.uapi.since(release);
    const selected = `${isSince ? 'since' : 'before'} Linux ${release}: ${change}`;
    this.#addBehaviour(selected);
    return isSince;
  }

  /** Whether the kernel has a series of this project. */
  get isOwnSeries(): boolean {
    return this.lab.cell.ownSeries === true;
  }

  /**
   * Equality (`util.isDeepStrictEqual`) with one of several documented values, by who documents them; the first is the choice of this
   * project's series, which on a kernel with it is the only right one. Which one was seen is reported with the result. It must be the same
   * whenever this quantity is checked: on a difference to an earlier test the assertion fails. Returns whose it was.
   *
   * @example t.oneOf(resultName(res), { RFC: '-EIO', 'later revisions': '-ECANCELED' }, 'result of a member whose leader fails');
   */
  oneOf<T>(got: T, alternatives: Readonly<Record<string, T>>, quantity: string): string {
    const seen = this.lab.choices.check(quantity, got, alternatives, {
      test: this.name,
      own: this.isOwnSeries,
    });
    this.#addBehaviour(`${quantity}: ${seen}`);
    return seen;
  }

  /** Where the series chose otherwise than this project's, see `choice`. */
  readonly differences: string[] = [];

  /**
   * Deep equality with what this project's series does where the proposal leaves it open. On any other kernel a difference is reported with the
   * result and fails nothing. Returns whether the two are equal.
   */
  choice<T>(got: T, expected: T, quantity: string): boolean {
    if (isDeepStrictEqual(got, expected)) return true;
    const error = new AssertionError(quantity, expected, got);
    if (this.isOwnSeries) throw error;
    if (!this.differences.includes(error.message) && this.differences.length < MOST_DIFFERENCES)
      this.differences.push(error.message);
    return false;
  }

  /** What a pass lacks evidence for, see `lacksEvidence`. */
  unproven: string | undefined;

  /** Marks a pass of this test as unproven: `what` could not be shown, since `reason`. */
  lacksEvidence(what: string, reason: string): void {
    this.unproven ??= `${what}: ${reason}`;
  }

  /** The figures of the test, see `metric`. */
  readonly metrics: Metric[] = [];

  /** Reports a figure with the result. */
  metric(metric: Metric): void {
    this.metrics.push(metric);
  }

  /** Adds a comment line to the test's TAP. */
  note(text: string): void {
    this.notes.push(text);
  }

  /** Runs `release` when the test ends, however it ends; the last one deferred runs first. */
  defer(release: () => unknown): void {
    this.#releases.push(release);
  }

  /** Disposes a resource when the test ends, in the order of `defer`. Returns the resource. */
  use<T extends Disposable | AsyncDisposable>(resource: T): T {
    this.defer(() =>
      Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose](),
    );
    return resource;
  }

  /** Runs everything deferred; throws the first error after all have run. For the agent. */
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

/** The code of a test. It fails when it throws or rejects; SkipError skips it. */
export type Body = (t: Test) => void | Promise<void>;

/** A registered test. */
export interface TestCase {
  name: string;
  needs: Needs;
  body: Body;
}

const registered: TestCase[] = [];
/** Needs of the suites around the test that is being registered. */
let inherited: Needs = {};

/** Registers a test with the needs of its `suite` added. Throws Error when the suite folder already has a test of this name. */
export function test(name: string, needs: Needs, body: Body): void;
export function test(name: string, body: Body): void;
export function test(name: string, ...rest: [Needs, Body] | [Body]): void {
  const [needs, body] = rest.length === 2 ? rest : ([{}, rest[0]] as const);
  if (registered.some((other) => other.name === name))
    throw new Error(`a test named "${name}" is already registered`);
  registered.push({ name, needs: merged(inherited, needs), body });
}

function merged(outer: Needs, inner: Needs): Needs {
  return {
    ...outer,
    ...inner,
    devices: [...(outer.devices ?? []), ...(inner.devices ?? [])],
    uapi: [...(outer.uapi ?? []), ...(inner.uapi ?? [])],
    facts: { ...outer.facts, ...inner.facts },
  };
}

/** Registers tests that share needs. The name is for the reader of the source; it does not appear in results. */
export function suite(_name: string, needs: Needs, register: () => void): void {
  const outer = inherited;
  inherited = merged(inherited, needs);
  register();
  inherited = outer;
}

/** All registered tests, in order of registration. */
export function registeredTests(): readonly TestCase[] {
  return registered;
}
