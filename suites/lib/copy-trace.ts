import { readdirSync } from 'node:fs';
import { functionsLike, Probes } from './probes.ts';

const GROUP = 'ringlab_copy';
/**
 * Functions that copy between kernel pages and the memory of an iov_iter (lib/iov_iter.c), or that pin that memory for a driver to copy it
 * (ublk_copy_user_pages()), each with its argument that is the length.
 */
const COPIES = { _copy_to_iter: 2, _copy_from_iter: 2, iov_iter_get_pages2: 3 };

/** One line of trace_pipe: the task and the length. */
const LINE = /-(\d+)\s+\[\d+\][^:]*: \w+: \([^)]*\) bytes=(\d+)/;

/** Bytes that tasks copied, as lines of a trace show them. */
export function bytesIn(lines: Iterable<string>, tasks: ReadonlySet<string>): number {
  let sum = 0;
  for (const line of lines) {
    const [, task = '', bytes] = LINE.exec(line) ?? [];
    if (tasks.has(task)) sum += Number(bytes);
  }
  return sum;
}

function definitions(): string[] {
  const known = functionsLike(/^(?:_copy_|iov_iter_)/);
  return Object.entries(COPIES).flatMap(([name, argument]) =>
    known.has(name) ? [`p:${GROUP}/${name} ${name} bytes=$arg${argument}:u64`] : [],
  );
}

/** Counts the bytes of data that the kernel copies for this process, io-wq workers included. */
export class CopyTrace {
  readonly #probes: Probes;

  private constructor(probes: Probes) {
    this.#probes = probes;
  }

  /** Returns why there is no trace where the kernel cannot trace. */
  static open(): CopyTrace | { reason: string } {
    const probes = Probes.open(GROUP, definitions);
    return probes instanceof Probes ? new CopyTrace(probes) : probes;
  }

  /** The bytes since the last `take`. Throws Error when the trace has lost events. */
  take(): number {
    return bytesIn(this.#probes.take(), new Set(readdirSync('/proc/self/task')));
  }
}
