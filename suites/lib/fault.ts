import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SkipError } from './uapi.ts';

const DEBUGFS = '/sys/kernel/debug';

/** What the kernel's NVMe fault injection is to do (Documentation/fault-injection/nvme-fault-injection.rst). */
export interface Fault {
  /** NVMe status that completions are given, e.g. `Status.hostPathError`. */
  status: number;
  /** How many completions; -1 = all. */
  times: number;
  /** Percent of completions hit, default 100. */
  probability?: number;
  /** Only every so many completions, default 1. */
  interval?: number;
  /** Completions that pass before it starts. */
  space?: number;
  /** Whether the fault forbids retries (DNR), default false: the injection itself sets it unless told not to. */
  dontRetry?: boolean;
}

/** A fault that is injected until it is disposed of. */
export class InjectedFault implements Disposable {
  readonly #dir: string;

  /** `name`: a path's disk (`nvme0c1n1`, `nvme0n1`) or a controller (`nvme0`, admin commands). Throws SkipError without the facility. */
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

  /** How many faults are still to come; -1 = without end. */
  get left(): number {
    return Number(readFileSync(join(this.#dir, 'times'), 'utf8'));
  }

  [Symbol.dispose](): void {
    if (!existsSync(this.#dir)) return;
    this.#set('probability', 0);
    this.#set('times', 0);
  }
}
