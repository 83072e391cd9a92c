import type { Shape } from '../lib/index.ts';
import type { Kind, Request } from './plan.ts';

/** What one completion must be. */
export interface ExpectedCqe {
  tag: number;
  /** `cqe->res`: a number, or a negative errno by name. */
  res: number | string;
  /** The first extra word; the second is 0. */
  extra: bigint;
  /** Tag of the previous request in the chain: completions of a chain come in its order. */
  after?: number;
}

/** Results that depend on the guest's devices. */
export interface DeviceResults {
  /** Result of a read: its length. */
  readBytes: number;
  /** NVMe status of an unsupported opcode. */
  unknownStatus: number;
  /** Result of get features: the first extra word. */
  features: bigint;
}

interface Result {
  res: number | string;
  extra: bigint;
}

function resultOf(kind: Kind, shape: Shape, results: DeviceResults): Result {
  const plain = (res: number | string): Result => ({ res, extra: 0n });
  if (kind === 'nop') return plain(0);
  if (kind === 'read') return plain(results.readBytes);
  if (kind === 'bad') return plain('EBADF');
  // nvme_uring_cmd_checks(): passthrough requires big SQEs and big CQEs.
  if (shape !== 'big') return plain('EOPNOTSUPP');
  if (kind === 'flush') return plain(0);
  if (kind === 'unknown') return plain(results.unknownStatus);
  return { res: 0, extra: results.features };
}

/** A link breaks on an errno; a positive NVMe status does not break it. */
const breaksLink = ({ res }: Result) => typeof res === 'string';

/**
 * The state of a ring as derived from the requests alone: which completions are outstanding and which timeouts are pending. It
 * reads nothing from the kernel, so that the kernel's results and counters can be compared with it.
 */
export class Model {
  readonly #shape: Shape;
  readonly #results: DeviceResults;
  readonly #outstanding = new Map<number, ExpectedCqe>();
  readonly #pending: number[] = [];
  #nextTag = 1;
  /** SQEs submitted so far: the expected SQ head and tail. */
  submitted = 0;
  /** CQEs reaped so far: the expected CQ head. */
  completed = 0;

  constructor(shape: Shape, results: DeviceResults) {
    this.#shape = shape;
    this.#results = results;
  }

  /** Number of completions to wait for; pending timeouts are not among them. */
  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** Number of timeouts that are neither cancelled nor expired. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Adds requests of one submission; returns their tags. A chain ends with its first unlinked request or with the submission. */
  submit(requests: readonly Request[]): number[] {
    let broken = false;
    let previous: number | undefined;
    return requests.map(({ kind, link }) => {
      const result = broken ? { res: 'ECANCELED', extra: 0n } : resultOf(kind, this.#shape, this.#results);
      const tag = this.#expect(result, previous);
      // A hard link survives an error of its request, but not a chain that is already broken.
      if (breaksLink(result) && link !== 'hard') broken = true;
      if (link === 'none') broken = false;
      previous = link === 'none' ? undefined : tag;
      return tag;
    });
  }

  /** Adds a pending timeout; returns its tag. It has no completion until it is cancelled. */
  pend(): number {
    const tag = this.#nextTag++;
    this.submitted++;
    this.#pending.push(tag);
    return tag;
  }

  /**
   * Cancels the pending timeout with index `which`, or a request that does not exist if there are fewer. Returns the tags of the
   * cancel request and of its target.
   */
  cancel(which: number): { tag: number; target: number } {
    const [target] = this.#pending.splice(which, 1);
    if (target !== undefined) this.#outstanding.set(target, { tag: target, res: 'ECANCELED', extra: 0n });
    const tag = this.#expect({ res: target === undefined ? 'ENOENT' : 0, extra: 0n });
    return { tag, target: target ?? 0xdead };
  }

  #expect(result: Result, after?: number): number {
    const tag = this.#nextTag++;
    this.submitted++;
    this.#outstanding.set(tag, { tag, ...result, ...(after === undefined ? {} : { after }) });
    return tag;
  }

  /** Removes and returns the expected completion with this tag; undefined if none is outstanding or its chain predecessor is. */
  take(tag: number): ExpectedCqe | undefined {
    const expected = this.#outstanding.get(tag);
    if (!expected || (expected.after !== undefined && this.#outstanding.has(expected.after)))
      return undefined;
    this.#outstanding.delete(tag);
    this.completed++;
    return expected;
  }
}
