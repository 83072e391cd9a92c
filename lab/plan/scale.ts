import type { GuestProfile } from '../model/guest.ts';
import type { Plan } from '../model/plan.ts';
import type { Suite } from '../model/suite.ts';
import type { PlanRequest } from './request.ts';

/** A debug kernel boots and runs several times slower; its deadlines grow with it. */
const DEBUG_FACTOR = 4;

/** What makes a guest count instructions. */
const COUNTING = { icount: true, vcpus: 1, drives: 'null' as const };

/** Memory of a guest, MiB: KASAN needs a good part of it for its shadow. */
function memoryFor(profile: GuestProfile, suite: Suite, request: PlanRequest): number {
  const needed = Math.max(profile.memoryMiB, suite.memoryMiB ?? 0);
  return request.memoryMiB ?? (request.config.debug ? needed * 4 : needed);
}

function resize(profile: GuestProfile, suite: Suite, request: PlanRequest): GuestProfile {
  const nvme = profile.nvme.map((subsystem) => ({
    ...subsystem,
    // The size of a zoned one has to be whole zones, so it stays.
    namespaces: subsystem.namespaces.map((ns) =>
      ns.zoned ? ns : { ...ns, sizeMiB: request.diskMiB ?? ns.sizeMiB },
    ),
  }));
  const memoryMiB = memoryFor(profile, suite, request);
  const counting = request.bench?.clock === 'instructions' ? COUNTING : {};
  const facts = { ...profile.facts, ...request.bench };
  return { ...profile, nvme, memoryMiB, facts, vcpus: request.vcpus ?? profile.vcpus, ...counting };
}

function stretchDeadlines(suite: Suite, debug: boolean): Suite {
  const factor = debug ? DEBUG_FACTOR : 1;
  return {
    ...suite,
    timeoutSeconds: suite.timeoutSeconds * factor,
    testTimeoutSeconds: suite.testTimeoutSeconds * factor,
  };
}

/** Pairs with the sizes that a request asks for, and with the deadlines that its kernels need. */
export function scale(pairs: Plan['pairs'], request: PlanRequest): Pick<Plan, 'pairs' | 'bootTimeoutMs'> {
  const { debug } = request.config;
  return {
    pairs: pairs.map(({ profile, suite }) => ({
      profile: resize(profile, suite, request),
      suite: stretchDeadlines(suite, debug),
    })),
    bootTimeoutMs: request.bootTimeoutMs ?? 60_000 * (debug ? DEBUG_FACTOR : 1),
  };
}
