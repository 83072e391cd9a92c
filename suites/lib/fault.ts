import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SkipError } from './uapi.ts';

const DEBUGFS = '/sys/kernel/debug';

/** Settings of the kernel's NVMe fault injection (Documentation/fault-injection/nvme-fault-injection.rst). */
export interface Fault {
  /** NVMe status that the completions get, e.g. `Status.hostPathError`. */
  status: number;
  /** How many completions get it; -1: without limit. */
  times: number;
  /** Share of the completions that get it, percent; default 100. */
  probability?: number;
  /** Only every n-th completion gets it; default 1. */
  interval?: number;
  /** Completions that are left alone before the first fault; default 0. */
  space?: number;
  /** Whether the status has DNR (do not retry); default false, though the kernel's own default is true. */
  dontRetry?: boolean;
}

/** A fault that the kernel injects until the object is disposed. */
export class InjectedFault implements Disposable {
  readonly #dir: string;

  /**
   * `name`: a disk (`nvme0n1`, or `nvme0c1n1` for one path), or a controller (`nvme0`) for its admin commands. Throws SkipError when
   * the kernel is built without fault injection.
   */
  constructor(name: string, fault: Fault) {
    this.#dir = join(DEBUGFS, name, 'fault_inject');
    if (!existsSync(this.#dir))
      throw new SkipError(`no fault injection for ${name} (CONFIG_FAULT_INJECTION_DEBUG_FS)`);
    this.#set('status', fault.status);
    this.#set('dont_retry', fault.dontRetry ? 1 : 0);
    this.#set('verbose', 0);
    this.#set('interval', fault.interval ?? 1);
    this.#set('space', fault.space ?? 0);
    this.#set('times', fault.times);
    this.#set('probability', fault.probability ?? 100);
  }

  #set(name: string, value: number): void {
    writeFileSync(join(this.#dir, name), String(value));
  }

  /** Faults that remain to be injected; -1: without limit. */
  get left(): number {
    return Number(readFileSync(join(this.#dir, 'times'), 'utf8'));
  }

  [Symbol.dispose](): void {
    if (!existsSync(this.#dir)) return;
    this.#set('probability', 0);
    this.#set('times', 0);
  }
}
