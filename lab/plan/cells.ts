import type { CellSpec, Side } from '../model/cell.ts';
import type { EventOf } from '../model/event.ts';
import type { Accel, Image } from '../model/machine.ts';
import type { Plan } from '../model/plan.ts';
import { type Suite, SuiteInfo } from '../model/suite.ts';

/** A kernel whose cells are wanted. */
export interface PlannedKernel {
  id: string;
  side: Side;
  /** Build key. */
  key: string;
  /** Its series are this project's. */
  ownSeries?: true | undefined;
}

/** What all cells of an experiment share, by content key. */
export interface Artefacts {
  /** The image that the guests of a suite boot. */
  imageOf: (suite: Suite) => Pick<Image, 'recipe' | 'key'>;
  accel: Accel;
  /** What is pushed into guests, by the suite's name. */
  payloads: ReadonlyMap<string, CellSpec['payload']>;
}

function payloadOf(payloads: Artefacts['payloads'], suite: string): CellSpec['payload'] {
  const payload = payloads.get(suite);
  if (!payload) throw new Error(`no payload was prepared for the suite ${suite}`);
  return payload;
}

/** A cell that is to run, by its ids. */
type PlannedCell = EventOf<'cells.planned'>['cells'][number];

/** The cells of a plan in the order of `cellSpecs`, before anything that a spec needs is there. */
export function plannedCells(
  { pairs, repeats }: Pick<Plan, 'pairs' | 'repeats'>,
  kernels: readonly { id: string }[],
): PlannedCell[] {
  return pairs.flatMap(({ profile, suite }) =>
    Array.from({ length: repeats }, (_, index) => index + 1).flatMap((repeat) =>
      kernels.map(({ id }) => ({ kernel: id, profile: profile.name, suite: suite.name, repeat })),
    ),
  );
}
const imageSpec = ({ recipe, key }: CellSpec['image']) => ({ recipe, key });

/** The cells of a plan: kernels of a pair next to each other, repeat by repeat. */
export function cellSpecs(
  plan: Plan,
  kernels: readonly PlannedKernel[],
  { imageOf, accel, payloads }: Artefacts,
): CellSpec[] {
  const repeats = Array.from({ length: plan.repeats }, (_, index) => index + 1);
  const shared = {
    format: 1 as const,
    accel,
    ...{ seed: plan.seed, only: plan.only, known: plan.known, attempt: 1 },
    ...{ kernelArgs: plan.kernelArgs, qemuArgs: plan.qemuArgs },
  };
  return plan.pairs.flatMap(({ profile, suite }) =>
    repeats.flatMap((repeat) =>
      kernels.map(({ id, key, side, ownSeries }) => ({
        ...shared,
        ...(ownSeries ? { ownSeries } : {}),
        image: imageSpec(imageOf(suite)),
        kernel: { id, key, debug: plan.config.debug },
        ...{ side, profile, repeat },
        // Where the suite lies on this machine is no part of the cell.
        suite: SuiteInfo.strip().parse(suite),
        payload: payloadOf(payloads, suite.name),
        ...(plan.isolate && !suite.sequence ? { most: 1 } : {}),
        deadlines: {
          bootMs: plan.bootTimeoutMs,
          suiteMs: suite.timeoutSeconds * 1000,
          testMs: suite.testTimeoutSeconds * 1000,
        },
      })),
    ),
  );
}
