import { readPrograms } from '../cell/folder-files.ts';
import { Budget, CONSOLE, OUTPUT, RESULTS } from '../cell/limits.ts';
import { countTests, findPayload, type Payload, preparePayloads } from '../cell/payload.ts';
import type { CellSession } from '../cell/session.ts';
import { InputError } from '../core/errors.ts';
import type { Resources } from '../core/resource.ts';
import { buildForeign } from '../foreign/index.ts';
import { clockArguments, probeAccel, Templates, templatesLimit } from '../guest/index.ts';
import { findImage } from '../image/index.ts';
import { findKernel } from '../kernel/index.ts';
import type { CellSpec } from '../model/cell.ts';
import type { EventOf, StageContext } from '../model/event.ts';
import type { Image } from '../model/machine.ts';
import type { Plan } from '../model/plan.ts';
import type { Suite } from '../model/suite.ts';
import type { KnownTests } from '../plan/shards.ts';
import { resolveSource } from '../source/index.ts';
import { checkInterpreters, prepareImages } from './images.ts';

/** What all guests of an experiment need whatever their kernel. */
export interface Session {
  /** The image of the first suite, or of a shell. */
  image: Image;
  /** The image that the guests of a suite boot: with the packages that the suite names. */
  imageOf: (suite: Pick<Suite, 'name' | 'packages'>) => Image;
  accel: EventOf<'session.ready'>['accel'];
  /** What is pushed into guests, by the suite's name. */
  payloads: ReadonlyMap<string, Payload>;
  tests: KnownTests;
}

/** What the payloads say of their tests. */
async function testsOf(payloads: ReadonlyMap<string, Payload>): Promise<KnownTests> {
  const names = new Map<string, string[]>();
  const counts = new Map<string, number>();
  for (const [suite, payload] of payloads) {
    if (payload.kind === 'program') continue;
    const folder = await findPayload(payload);
    if (payload.kind === 'agent') {
      counts.set(suite, await countTests(folder));
      continue;
    }
    const { programs } = await readPrograms(folder);
    names.set(
      suite,
      programs.map(({ name }) => name),
    );
  }
  return { names, counts };
}

/** Accelerator of the guests: as requested, else KVM where a guest really starts with it. */
async function chooseAccel(accel: Plan['accel'], ctx: StageContext): Promise<Session['accel']> {
  if (accel) return { kind: accel, reason: 'requested' };
  const probed = await probeAccel(ctx);
  return { kind: probed.accel, reason: probed.reason };
}

/** The suites of a plan, the foreign ones built. A suite that is made of the kernel's source takes the first kernel, without a series. */
async function suitesOf(
  { pairs, sources }: Pick<Plan, 'pairs' | 'sources'>,
  ctx: StageContext,
): Promise<Suite[]> {
  const unique = [...new Map(pairs.map(({ suite }) => [suite.name, suite])).values()];
  const needsKernel = unique.some(({ build, origin }) => build?.from === 'kernel' && !origin);
  const kernel = needsKernel ? await resolveSource(sources[0] ?? {}, ctx) : undefined;
  const suites: Suite[] = [];
  for (const suite of unique) suites.push(await buildForeign(suite, kernel, ctx));
  return suites;
}

/** What is pushed into the guests of a plan. Throws InputError for suites that do not compile or lack files. */
export const payloadsOf = async (
  plan: Pick<Plan, 'pairs' | 'sources'>,
  ctx: StageContext,
): Promise<Session['payloads']> => preparePayloads(await suitesOf(plan, ctx), ctx);

/**
 * Prepares image, accelerator and (unless they are `prepared`) payloads, side by side: the one place that does, for every verb that boots guests. Throws
 * InputError for a suite that does not compile, LabError when the machine lacks a tool.
 */
export async function openSession(
  plan: Pick<Plan, 'accel' | 'pairs' | 'recipe' | 'packages' | 'sources'>,
  ctx: StageContext,
  prepared?: Session['payloads'],
): Promise<Session> {
  const [images, payloads, accel] = await Promise.all([
    prepareImages(plan, ctx),
    prepared ?? payloadsOf(plan, ctx),
    chooseAccel(plan.accel, ctx),
  ]);
  const { image, imageOf } = images;
  await checkInterpreters(plan, imageOf);
  // Before the first guests compete for the processors.
  await clockArguments(ctx, accel.kind);
  ctx.emit({
    type: 'session.ready',
    image: {
      recipe: image.recipe,
      key: image.key,
      ...(plan.packages?.length ? { packages: [...plan.packages] } : {}),
    },
    accel,
    payloads: Object.fromEntries([...payloads].map(([suite, { key }]) => [suite, key])),
  });
  return { image, imageOf, accel, payloads, tests: await testsOf(payloads) };
}

/** What the guests of a plan are forked of, or why they boot. Disposing ends what is being made. */
export function templatesOf(
  { fork, bench, jobs }: Pick<Plan, 'fork' | 'bench' | 'jobs'>,
  resources: Resources,
  ctx: StageContext,
): CellSession['templates'] {
  if (fork === false) return { reason: 'forking is off' };
  if (bench) return { reason: 'what is measured may depend on the boot' };
  return resources.use(new Templates({ jobs, limitMiB: templatesLimit() }, ctx));
}

const missing = (what: string, fix: string) => new InputError({ what, where: 'the cell spec', fix });

/** The artefacts of the cache, for cells whose files go to `recordDir`. */
export function cachedArtefacts(
  recordDir: string,
  templates: CellSession['templates'] = { reason: 'it is the only one' },
): CellSession {
  return {
    recordDir,
    templates,
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
