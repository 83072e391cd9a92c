import { Budget, CONSOLE, OUTPUT, RESULTS } from '../cell/limits.ts';
import { findPayload, type Payload, preparePayloads } from '../cell/payload.ts';
import type { CellSession } from '../cell/session.ts';
import { InputError } from '../core/errors.ts';
import { probeAccel } from '../guest/index.ts';
import { ensureImage, findImage } from '../image/index.ts';
import { findKernel } from '../kernel/index.ts';
import type { CellSpec } from '../model/cell.ts';
import type { EventOf, StageContext } from '../model/event.ts';
import type { Image } from '../model/machine.ts';
import type { Plan } from '../model/plan.ts';

/** Recipe of the image that guests boot. */
export const RECIPE = 'minimal';

/** What all guests of an experiment need whatever their kernel. */
export interface Session {
  image: Image;
  accel: EventOf<'session.ready'>['accel'];
  /** What is pushed into guests, by the suite's name. */
  payloads: ReadonlyMap<string, Payload>;
}

/** Accelerator of the guests: as requested, else KVM where a guest really starts with it. */
async function chooseAccel(accel: Plan['accel'], ctx: StageContext): Promise<Session['accel']> {
  if (accel) return { kind: accel, reason: 'requested' };
  const probed = await probeAccel(ctx);
  return { kind: probed.accel, reason: probed.reason };
}

/**
 * Prepares image, accelerator and payloads, side by side: the one place that does, for every verb that boots guests. Throws
 * InputError for a suite that does not compile, LabError when the machine lacks a tool.
 */
export async function openSession(plan: Pick<Plan, 'accel' | 'pairs'>, ctx: StageContext): Promise<Session> {
  const [image, payloads, accel] = await Promise.all([
    ensureImage(RECIPE, ctx),
    preparePayloads(
      plan.pairs.map(({ suite }) => suite),
      ctx,
    ),
    chooseAccel(plan.accel, ctx),
  ]);
  ctx.emit({
    type: 'session.ready',
    image: { recipe: image.recipe, key: image.key },
    accel,
    payloads: Object.fromEntries([...payloads].map(([suite, { key }]) => [suite, key])),
  });
  return { image, accel, payloads };
}

const missing = (what: string, fix: string) => new InputError({ what, where: 'the cell spec', fix });

/** The artefacts of the cache, for cells whose files go to `recordDir`. */
export function cachedArtefacts(recordDir: string): CellSession {
  return {
    recordDir,
    budgets: { output: new Budget(OUTPUT), console: new Budget(CONSOLE), results: new Budget(RESULTS) },
    async kernel(key) {
      const kernel = await findKernel(key);
      if (kernel) return kernel;
      throw missing(`the cache has no kernel ${key}`, 'build it, or bring the cache folder kernels/ along');
    },
    async image(wanted) {
      const image = await findImage(wanted);
      if (image) return image;
      throw missing(
        `the cache has no image ${wanted.recipe} ${wanted.key}`,
        'run any suite once with this version of ringlab and Node, or bring the cache folder images/ along',
      );
    },
    payload: findPayload,
  };
}

/** Throws one InputError with every artefact of a spec that the session does not have. */
export async function checkArtefacts(spec: CellSpec, session: CellSession): Promise<void> {
  const looks = await Promise.allSettled([
    session.kernel(spec.kernel.key),
    session.image(spec.image),
    session.payload(spec.payload),
  ]);
  const problems = looks.flatMap((look) => {
    if (look.status === 'fulfilled') return [];
    if (look.reason instanceof InputError) return look.reason.problems;
    throw look.reason;
  });
  if (problems.length > 0) throw new InputError(problems);
}
