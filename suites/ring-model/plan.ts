import fc from 'fast-check';
import type { Shape } from '../lib/index.ts';

/** What a request does, which decides its possible results. */
export type Kind =
  | 'nop'
  /** A read of the block device with O_DIRECT. */
  | 'read'
  /** A read on file descriptor -1, which fails with EBADF when it is issued. */
  | 'bad'
  /** An NVMe flush on the namespace's character device. */
  | 'flush'
  /** An NVMe command with an unsupported opcode, which completes with an NVMe status. */
  | 'unknown'
  /** A get features on the controller's character device, whose first extra word is not 0. */
  | 'features';

/** How a request is linked to the next: not, IOSQE_IO_LINK or IOSQE_IO_HARDLINK. */
export type Link = 'none' | 'soft' | 'hard';

/** One SQE of a submission. */
export interface Request {
  kind: Kind;
  link: Link;
  /** Sets IOSQE_ASYNC. */
  async: boolean;
}

/** One step of a sequence. */
export type Step =
  /** Submits the requests in one call; `overwrite` fills the SQE slots afterwards. */
  | { do: 'submit'; requests: Request[]; overwrite: boolean }
  /** Submits a timeout that does not expire during the test. */
  | { do: 'pend' }
  /** Cancels the pending timeout with this index, or a request that does not exist if there are fewer. */
  | { do: 'cancel'; which: number }
  /** Reaps up to `count` CQEs without waiting. */
  | { do: 'reap'; count: number }
  /** Waits for all outstanding completions. */
  | { do: 'wait' };

/** A ring's parameters and the steps to execute on it. */
export interface Sequence {
  shape: Shape;
  /** SQ entries: a power of two. */
  entries: number;
  /** CQ entries: equal to `entries`, so that completions can overflow, or twice as many. */
  cqEntries: number;
  /** IORING_SETUP_ flags by name, besides those of the shape. */
  flags: string[];
  steps: Step[];
  /** Closes the ring after the last step instead of waiting for all completions first. */
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

/** Random sequences for rings of one shape, with 2 to 8 SQ entries and up to 12 steps. */
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
