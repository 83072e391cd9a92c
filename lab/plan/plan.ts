import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { InputError } from '../core/errors.ts';
import { MAX_PATCHED } from '../model/compare.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { Plan } from '../model/plan.ts';
import type { Suite } from '../model/suite.ts';
import type { PlanRequest } from './request.ts';
import { scale } from './scale.ts';
import { selectPairs } from './select.ts';

/** Guests that run at the same time by default: guests wait more than they compute, but each takes its memory. */
export const DEFAULT_JOBS = Math.min(4, availableParallelism());

/** Throws InputError when more kernels are to be compared with one base than a report can show side by side. */
function checkWidth({ sources, series }: PlanRequest): void {
  if (series !== undefined || sources.length <= MAX_PATCHED + 1) return;
  throw new InputError({
    what: `${sources.length} kernels are named`,
    where: '--kernel',
    expected: `at most ${MAX_PATCHED + 1}: a base and ${MAX_PATCHED} kernels that are compared with it`,
    fix: 'run them in several runs and compare these: ringlab compare A B',
  });
}

/**
 * Resolves a request to a plan. Throws InputError for unknown names, for guests on which none of the suites runs, and for more
 * kernels than one comparison holds.
 */
export function makePlan(
  request: PlanRequest,
  profiles: ReadonlyMap<string, GuestProfile>,
  allSuites: ReadonlyMap<string, Suite>,
): Plan {
  checkWidth(request);
  const { pairs, bootTimeoutMs } = scale(selectPairs(request, profiles, allSuites), request);
  return {
    sources: request.sources,
    series: request.series,
    withBase: request.withBase,
    config: request.config,
    pairs,
    repeats: request.repeats ?? 1,
    bench: request.bench,
    jobs: request.jobs,
    ...(request.restarts === undefined ? {} : { restarts: request.restarts }),
    ...(request.isolate ? { isolate: true } : {}),
    ...(request.fork === false ? { fork: false } : {}),
    ...{ confirm: request.confirm, flaky: request.flaky },
    only: request.only,
    seed: request.seed ?? randomInt(2 ** 31),
    kernelArgs: request.kernelArgs,
    qemuArgs: request.qemuArgs,
    bootTimeoutMs,
    known: request.known ?? [],
    ...{ accel: request.accel, allow: request.allow },
    ...(request.recipe === undefined ? {} : { recipe: request.recipe }),
    ...(request.packages?.length ? { packages: request.packages } : {}),
  };
}
