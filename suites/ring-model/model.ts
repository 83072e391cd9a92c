import type { Shape } from '../lib/index.ts';
import type { Kind, Request } from './plan.ts';

/** What one completion has to be. */
export interface Expected {
  tag: number;
  /** `cqe->res`: a number, or a negative errno by name. */
  res: number | string;
  extra: bigint;
  /** Completions of a chain come in its order: the tag before this one in it. */
  after?: number;
}

/** What the guest's devices answer. */
export interface Facts {
  readBytes: number;
  unknownStatus: number;
  features: bigint;
}

interface Result {
  res: number | string;
  extra: bigint;
}

function resultOf(kind: Kind, shape: Shape, facts: Facts): Result {
  const plain = (res: number | string): Result => ({ res, extra: 0n });
  if (kind === 'nop') return plain(0);
  if (kind === 'read') return plain(facts.readBytes);
  if (kind === 'bad') return plain('EBADF');
  // nvme_uring_cmd_checks(): passthrough wants both, big SQEs and big CQEs.
  if (shape !== 'big') return plain('EOPNOTSUPP');
  if (kind === 'flush') return plain(0);
  if (kind === 'unknown') return plain(facts.unknownStatus);
  return { res: 0, extra: facts.features };
}

/** A link breaks on an error. A positive status is a result like any other. */
const breaks = ({ res }: Result) => typeof res === 'string';

/**
 * What is known of a ring from what was asked of it: which completions are owed, and which timeouts wait. Kept apart from the
 * kernel's own accounting, that it may be compared with it.
 */
export class Model {
  readonly #shape: Shape;
  readonly #facts: Facts;
  readonly #owed = new Map<number, Expected>();
  readonly #pending: number[] = [];
  #tag = 1;
  submitted = 0;
  completed = 0;

  constructor(shape: Shape, facts: Facts) {
    this.#shape = shape;
    this.#facts = facts;
  }

  get owed(): number {
    return this.#owed.size;
  }

  get pending(): number {
    return this.#pending.length;
  }

  /** Requests that are submitted together; their tags. Chains end at the first that is not linked on, and at the last. */
  submit(requests: readonly Request[]): number[] {
    let broken = false;
    let before: number | undefined;
    return requests.map(({ kind, link }) => {
      const tag = this.#owe(
        broken ? { res: 'ECANCELED', extra: 0n } : resultOf(kind, this.#shape, this.#facts),
        before,
      );
      const { res, extra } = this.#owed.get(tag) ?? { res: 0, extra: 0n };
      // A hard link holds whatever its request came to, but not once the chain is broken.
      if (breaks({ res, extra }) && link !== 'hard') broken = true;
      if (link === 'none') broken = false;
      before = link === 'none' ? undefined : tag;
      return tag;
    });
  }

  /** A timeout that waits; its tag. It owes nothing until it is cancelled. */
  pend(): number {
    const tag = this.#tag++;
    this.submitted++;
    this.#pending.push(tag);
    return tag;
  }

  /** Cancels a pending timeout, or something that is not there; the tag of the request and of its target. */
  cancel(which: number): { tag: number; target: number } {
    const [target] = this.#pending.splice(which, 1);
    if (target !== undefined) this.#owed.set(target, { tag: target, res: 'ECANCELED', extra: 0n });
    const tag = this.#owe({ res: target === undefined ? 'ENOENT' : 0, extra: 0n });
    return { tag, target: target ?? 0xdead };
  }

  #owe(result: Result, after?: number): number {
    const tag = this.#tag++;
    this.submitted++;
    this.#owed.set(tag, { tag, ...result, ...(after === undefined ? {} : { after }) });
    return tag;
  }

  /** What a completion has to be, which is owed no more then; undefined if it is not owed at all, or comes before its turn. */
  take(tag: number): Expected | undefined {
    const expected = this.#owed.get(tag);
    if (!expected || (expected.after !== undefined && this.#owed.has(expected.after))) return undefined;
    this.#owed.delete(tag);
    this.completed++;
    return expected;
  }
}
