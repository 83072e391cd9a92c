import { constants, existsSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TRACEFS = '/sys/kernel/tracing';
const OPTIMISATION = '/proc/sys/debug/kprobes-optimization';

/** Functions of the kernel that can be probed, and whose names begin like this. */
export function functionsLike(pattern: RegExp): Set<string> {
  const text = readFileSync('/proc/kallsyms', 'utf8');
  const names = [...text.matchAll(/^\S+ [tT] (\w+)$/gm)].map(([, name = '']) => name);
  return new Set(names.filter((name) => pattern.test(name)));
}

/**
 * Probes on functions of the kernel, and what they record: a view from outside that needs nothing of a series under test but
 * CONFIG_KPROBE_EVENTS of the kernel. They stay set as long as the process lives.
 */
export class Probes {
  static readonly #opened = new Map<string, Probes | { reason: string }>();
  readonly #pipe: number;
  /** Names of the events. */
  readonly #events: ReadonlySet<string>;

  private constructor(pipe: number, events: ReadonlySet<string>) {
    this.#pipe = pipe;
    this.#events = events;
  }

  /**
   * Sets the probes of a group at its first call. `definitionsOf` gives them as Documentation/trace/kprobetrace.rst describes, in this group.
   * Returns why there are none where the kernel cannot trace.
   */
  static open(group: string, definitionsOf: () => readonly string[]): Probes | { reason: string } {
    const opened = Probes.#opened.get(group) ?? Probes.#begin(group, definitionsOf);
    Probes.#opened.set(group, opened);
    return opened;
  }

  static #begin(group: string, definitionsOf: () => readonly string[]): Probes | { reason: string } {
    const events = join(TRACEFS, 'kprobe_events');
    if (!existsSync(events)) return { reason: 'the kernel has no kprobe events (CONFIG_KPROBE_EVENTS)' };
    const instance = join(TRACEFS, 'instances', group);
    try {
      if (!existsSync(instance)) mkdirSync(instance);
      // An interrupt during an optimised probe misses those on its way.
      if (existsSync(OPTIMISATION)) writeFileSync(OPTIMISATION, '0');
      const definitions = definitionsOf();
      for (const probe of definitions) writeFileSync(events, `${probe}\n`, { flag: 'a' });
      writeFileSync(join(instance, 'buffer_size_kb'), '1024');
      writeFileSync(join(instance, `events/${group}/enable`), '1');
      const pipe = openSync(join(instance, 'trace_pipe'), constants.O_RDONLY | constants.O_NONBLOCK);
      return new Probes(pipe, new Set(definitions.map((probe) => /\/(\w+)/.exec(probe)?.[1] ?? '')));
    } catch (error) {
      return { reason: `the kernel refuses probes: ${(error as Error).message}` };
    }
  }

  /** The lines that were recorded since the last call. Throws Error when the buffer had no room for all of them. */
  take(): string[] {
    const lines = this.#read().split('\n');
    if (lines.some(hasLost)) throw new Error('the trace of the kernel lost events');
    return lines;
  }

  /** How many calls the probes have missed since they were set. */
  missed(): number {
    const profile = readFileSync(join(TRACEFS, 'kprobe_profile'), 'utf8');
    const rows = [...profile.matchAll(/^\s*(\w+)\s+\d+\s+(\d+)/gm)];
    return rows.reduce(
      (sum, [, name = '', misses]) => sum + (this.#events.has(name) ? Number(misses) : 0),
      0,
    );
  }

  #read(): string {
    const chunk = Buffer.alloc(64 << 10);
    const parts: Buffer[] = [];
    for (;;) {
      const bytes = this.#readSome(chunk);
      if (bytes === 0) return Buffer.concat(parts).toString('latin1');
      parts.push(Buffer.from(chunk.subarray(0, bytes)));
    }
  }

  #readSome(chunk: Buffer): number {
    try {
      return readSync(this.#pipe, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }
}

/** Whether a line says that events were lost. */
const hasLost = (line: string): boolean => /\[LOST \d+ EVENTS\]/.test(line);
