import fc from 'fast-check';
import type { Shape } from '../lib/index.ts';

/** What a request is, and with that what it may result in. */
export type Kind =
  | 'nop'
  /** A read of the block device, past the page cache. */
  | 'read'
  /** A read that the kernel refuses when its turn comes. */
  | 'bad'
  /** An NVMe flush, on the namespace's character device. */
  | 'flush'
  /** An NVMe command with a status. */
  | 'unknown'
  /** An admin command whose completion has an extra word that is not 0. */
  | 'features';

export type Link = 'none' | 'soft' | 'hard';

export interface Request {
  kind: Kind;
  link: Link;
  async: boolean;
}

/** One step of a sequence. */
export type Step =
  | { do: 'submit'; requests: Request[]; overwrite: boolean }
  /** A timeout that does not run out by itself. */
  | { do: 'pend' }
  /** Of the n-th pending timeout, or of nothing. */
  | { do: 'cancel'; which: number }
  | { do: 'reap'; count: number }
  | { do: 'wait' };

export interface Sequence {
  shape: Shape;
  entries: number;
  /** CQ entries are this many times the SQ entries, unless fewer are asked for: then completions overflow. */
  cqEntries: number;
  flags: string[];
  steps: Step[];
  /** Close the ring as it is at the end, instead of collecting everything. */
  abandon: boolean;
}

const kinds: Kind[] = ['nop', 'nop', 'read', 'bad', 'flush', 'unknown', 'features'];

const request = fc.record<Request>({
  kind: fc.constantFrom(...kinds),
  link: fc.constantFrom<Link>('none', 'none', 'soft', 'hard'),
  async: fc.boolean(),
});

function step(entries: number): fc.Arbitrary<Step> {
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record<Step & { do: 'submit' }>({
        do: fc.constant('submit'),
        requests: fc.array(request, { minLength: 1, maxLength: entries }),
        overwrite: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'pend' }) },
    {
      weight: 2,
      arbitrary: fc.record<Step & { do: 'cancel' }>({ do: fc.constant('cancel'), which: fc.nat(3) }),
    },
    {
      weight: 3,
      arbitrary: fc.record<Step & { do: 'reap' }>({
        do: fc.constant('reap'),
        count: fc.integer({ min: 1, max: 8 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'wait' }) },
  );
}

const taskWork = [
  [],
  ['IORING_SETUP_COOP_TASKRUN'],
  ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN'],
];

/** Sequences for rings of one shape. */
export function sequences(shape: Shape): fc.Arbitrary<Sequence> {
  return fc.constantFrom(2, 4, 8).chain((entries) =>
    fc.record<Sequence>({
      shape: fc.constant(shape),
      entries: fc.constant(entries),
      cqEntries: fc.constantFrom(entries, 2 * entries),
      flags: fc.constantFrom(...taskWork),
      steps: fc.array(step(entries), { minLength: 1, maxLength: 12 }),
      abandon: fc.boolean(),
    }),
  );
}
