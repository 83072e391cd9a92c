import type { CellSpec, Side } from '../model/cell.ts';
import type { Accel, Image } from '../model/machine.ts';
import type { Plan } from '../model/plan.ts';
import { SuiteInfo } from '../model/suite.ts';

/** A kernel whose cells are wanted. */
export interface PlannedKernel {
  id: string;
  side: Side;
  /** Build key. */
  key: string;
}

/** What all cells of an experiment share, by content key. */
export interface Artefacts {
  image: Pick<Image, 'recipe' | 'key'>;
  accel: Accel;
  /** What is pushed into guests, by the suite's name. */
  payloads: ReadonlyMap<string, CellSpec['payload']>;
}

function payloadOf(payloads: Artefacts['payloads'], suite: string): CellSpec['payload'] {
  const payload = payloads.get(suite);
  if (!payload) throw new Error(`no payload was prepared for the suite ${suite}`);
  return payload;
}

/** The cells of a plan: kernels of a pair next to each other, repeat by repeat. */
export function cellSpecs(
  plan: Plan,
  kernels: readonly PlannedKernel[],
  { image, accel, payloads }: Artefacts,
): CellSpec[] {
  const repeats = Array.from({ length: plan.repeats }, (_, index) => index + 1);
  const shared = {
    format: 1 as const,
    image: { recipe: image.recipe, key: image.key },
    accel,
    ...{ seed: plan.seed, only: plan.only, known: plan.known, attempt: 1 },
    ...{ kernelArgs: plan.kernelArgs, qemuArgs: plan.qemuArgs },
  };
  return plan.pairs.flatMap(({ profile, suite }) =>
    repeats.flatMap((repeat) =>
      kernels.map(({ id, key, side }) => ({
        ...shared,
        kernel: { id, key, debug: plan.config.debug },
        ...{ side, profile, repeat },
        // Where the suite lies on this machine is no part of the cell.
        suite: SuiteInfo.strip().parse(suite),
        payload: payloadOf(payloads, suite.name),
        deadlines: {
          bootMs: plan.bootTimeoutMs,
          suiteMs: suite.timeoutSeconds * 1000,
          testMs: suite.testTimeoutSeconds * 1000,
        },
      })),
    ),
  );
}
