import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MemoryState, memoryGrowth, readMemory } from './memory.ts';
import { taintsOf } from './taints.ts';

/** What ends by itself a moment after a test: the kernel frees a ring in a work item. */
const SETTLE_MS = 1000;
const POLL_MS = 5;

/** Files that tests open. Sockets, pipes and what Node opens for itself are left out: they come and go. */
const OF_TESTS =
  /^anon_inode:\[(?:io_uring|userfaultfd|perf_event)|^\/dev\/(?:nvme|ng|nullb|loop|ublk)|^\/memfd:/;
/** Mappings that only tests make. */
const MAPPED = /\s(anon_inode:\[io_uring\]|\/dev\/(?:ng|nvme|ublk)\S*)/g;

/** What is looked at between tests. */
interface State {
  /** What changes when the longer lists do: the newest process ID, the descriptors, the size of all mappings in KiB. */
  signs: { processes: string; files: string; mappings: number };
  /** Value of /proc/sys/kernel/tainted. */
  taint: number;
  processes: ReadonlySet<string>;
  /** Of the agent: what its descriptors and mappings are of, each as often as it occurs, and its pinned memory, KiB. */
  files: readonly string[];
  mappings: readonly string[];
  pinnedKiB: number;
}

export interface LeftoversOptions {
  /** Where /proc is, for tests. */
  proc?: string;
  /** Whether tests run in this process, so that it may have what they leak. */
  ownProcess?: boolean;
  /** Whether memory of the kernel counts: not with KASAN, which keeps freed memory for a while. */
  memory?: boolean;
}

const text = (...path: string[]): string => {
  try {
    return readFileSync(join(...path), 'utf8');
  } catch {
    return '';
  }
};

const entries = (...path: string[]): string[] => {
  try {
    return readdirSync(join(...path));
  } catch {
    return [];
  }
};

/** The items of `after` that `before` does not have, or has less often. */
function added(before: readonly string[], after: readonly string[]): string[] {
  const left = [...before];
  return after.filter((item) => {
    const at = left.indexOf(item);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** `3 x a, b`. */
function listed(items: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts].map(([item, count]) => (count > 1 ? `${count} x ${item}` : item)).join(', ');
}

/**
 * Finds what a test leaves behind in its guest, between tests and cheaply: a tainted kernel, tasks in state D, descriptors, mappings and pinned
 * memory of the agent, memory of the kernel. It says nothing of the test's verdict: a later test may fail because of it.
 */
export class Leftovers {
  readonly #proc: string;
  readonly #ownProcess: boolean;
  #before: State;
  #memory: MemoryState | undefined;

  constructor({ proc = '/proc', ownProcess = true, memory = true }: LeftoversOptions = {}) {
    this.#proc = proc;
    this.#ownProcess = ownProcess;
    this.#before = this.#state();
    this.#memory = memory ? readMemory(proc) : undefined;
  }

  /** What is there now and was not at the last look, in words. Waits for up to a second for what is about to go. Never throws. */
  async look(): Promise<string[]> {
    const deadline = performance.now() + SETTLE_MS;
    let state = this.#state(this.#before);
    let found = this.#differences(state);
    while (found.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      state = this.#state(this.#before);
      found = this.#differences(state);
    }
    this.#before = state;
    const grown = this.#memory && memoryGrowth(this.#memory, this.#proc, () => this.#shrink());
    if (!grown) return found;
    this.#memory = grown.now;
    return [...found, ...grown.found];
  }

  /** What is there now. What takes long to read is taken from an earlier state where a sign that is read at once has not changed. */
  #state(before?: State): State {
    const self = join(this.#proc, 'self');
    const status = this.#ownProcess ? text(self, 'status') : '';
    const kib = (field: string) => Number(new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    const signs = {
      // Its last field is the newest process ID.
      processes: text(this.#proc, 'loadavg').trim().split(' ').at(-1) ?? '',
      files: this.#ownProcess ? entries(self, 'fd').join() : '',
      mappings: kib('VmSize'),
    };
    const isSame = (sign: keyof typeof signs) => signs[sign] !== '' && before?.signs[sign] === signs[sign];
    return {
      signs,
      taint: Number(text(this.#proc, 'sys/kernel/tainted')) || 0,
      processes: before && isSame('processes') ? before.processes : this.#processes(),
      files: before && isSame('files') ? before.files : this.#files(self, signs.files),
      mappings: before && isSame('mappings') ? before.mappings : this.#mappings(self),
      pinnedKiB: kib('VmPin'),
    };
  }

  #processes(): Set<string> {
    return new Set(entries(this.#proc).filter((name) => /^\d+$/.test(name)));
  }

  #files(self: string, descriptors: string): string[] {
    const links = descriptors.split(',').map((fd) => this.#link(self, fd));
    return links.filter((link) => OF_TESTS.test(link));
  }

  #mappings(self: string): string[] {
    if (!this.#ownProcess) return [];
    return [...text(self, 'maps').matchAll(MAPPED)].map(([, what = '']) => what);
  }

  #link(self: string, fd: string): string {
    try {
      return readlinkSync(join(self, 'fd', fd));
    } catch {
      return '';
    }
  }

  #differences(now: State): string[] {
    const before = this.#before;
    const files = added(before.files, now.files);
    const mappings = added(before.mappings, now.mappings);
    const pinned = now.pinnedKiB - before.pinnedKiB;
    const taints = taintsOf(now.taint & ~before.taint);
    return [
      ...(taints.length > 0 ? [`a tainted kernel: ${taints.join(', ')}`] : []),
      ...this.#blocked(now).map((task) => `a task in state D: ${task}`),
      ...(files.length > 0 ? [`open files: ${listed(files)}`] : []),
      ...(mappings.length > 0 ? [`mappings: ${listed(mappings)}`] : []),
      ...(pinned > 0 ? [`${pinned} KiB of pinned memory`] : []),
    ];
  }

  /** Processes that are new since the last look and in state D: `1234 (agent)`. */
  #blocked({ processes }: State): string[] {
    const fresh = [...processes].filter((pid) => !this.#before.processes.has(pid));
    return fresh.flatMap((pid) => {
      // proc(5): `pid (comm) state ...`; comm may have blanks and parentheses.
      const [, name, state] = /^\d+ (\(.*\)) (\S)/s.exec(text(this.#proc, pid, 'stat')) ?? [];
      return state === 'D' ? [`${pid} ${name}`] : [];
    });
  }

  /** Lets the kernel give back what it can. */
  #shrink(): void {
    try {
      writeFileSync(join(this.#proc, 'sys/vm/drop_caches'), '3\n');
    } catch {
      // Not root, or a kernel without it: what is left then is measured as it is.
    }
  }
}
