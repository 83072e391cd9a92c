import { randomInt } from 'node:crypto';
import { InputError } from '../core/errors.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { KernelConfigRequest } from '../model/kernel.ts';
import type { Cell, Plan, Side } from '../model/plan.ts';
import type { Measuring } from '../model/result.ts';
import type { Suite } from '../model/suite.ts';
import { pick } from '../suite/discover.ts';

/** A run as the user names it. Empty lists mean "what fits". */
export interface PlanRequest {
  sources: Plan['sources'];
  series?: string;
  /** What the series itself says it should be tested with. */
  wishes?: { suites: string[]; guests: string[] };
  guests: string[];
  suites: string[];
  config: KernelConfigRequest;
  withBase: boolean;
  /** Default 1. */
  boots?: number;
  /** Makes it a benchmark: guests that count instructions have one CPU, whatever their profile says. */
  measuring?: Measuring;
  jobs: number;
  only: string[];
  seed?: number;
  kernelArgs: string[];
  qemuArgs: string[];
  vcpus?: number;
  memoryMiB?: number;
  diskMiB?: number;
  bootTimeoutMs?: number;
  known?: Plan['known'];
  accel?: 'kvm' | 'tcg';
}

/** A debug kernel boots and runs several times slower; its deadlines grow with it. */
const DEBUG_FACTOR = 4;

/** What makes a guest count instructions. */
const COUNTING = { icount: true, vcpus: 1, drives: 'null' as const };

function resize(profile: GuestProfile, request: PlanRequest): GuestProfile {
  const nvme = profile.nvme.map((subsystem) => ({
    ...subsystem,
    // The size of a zoned one has to be whole zones, so it stays.
    namespaces: subsystem.namespaces.map((ns) =>
      ns.zoned ? ns : { ...ns, sizeMiB: request.diskMiB ?? ns.sizeMiB },
    ),
  }));
  const memoryMiB = request.memoryMiB ?? (request.config.debug ? profile.memoryMiB * 4 : profile.memoryMiB);
  const counting = request.measuring?.clock === 'instructions' ? COUNTING : {};
  const facts = { ...profile.facts, ...request.measuring };
  return { ...profile, nvme, memoryMiB, facts, vcpus: request.vcpus ?? profile.vcpus, ...counting };
}

function patience(suite: Suite, debug: boolean): Suite {
  const factor = debug ? DEBUG_FACTOR : 1;
  return {
    ...suite,
    timeoutSeconds: suite.timeoutSeconds * factor,
    testTimeoutSeconds: suite.testTimeoutSeconds * factor,
  };
}

/**
 * The guest x suite pairs: a suite runs on the guests it is written for, narrowed to those asked for. A guest asked for
 * that no suite names (a user's own profile) runs every suite: suites skip what a guest cannot do.
 */
function pairUp(
  guests: GuestProfile[],
  suites: Suite[],
  known: Iterable<Suite>,
  narrowed: boolean,
): Plan['pairs'] {
  const named = new Set([...known].flatMap((suite) => suite.guests));
  const pairs = suites.flatMap((suite) =>
    guests
      .filter((guest) => suite.guests.includes(guest.name) || (narrowed && !named.has(guest.name)))
      .map((guest) => ({ guest, suite })),
  );
  if (pairs.length > 0) return pairs;
  throw new InputError({
    what: `no suite of ${suites.map((suite) => suite.name).join(', ')} runs on ${guests.map((guest) => guest.name).join(', ')}`,
    where: '--guest/--suite',
    expected: suites.map((suite) => `${suite.name} on ${suite.guests.join(', ')}`).join('; '),
  });
}

export function makePlan(
  request: PlanRequest,
  profiles: ReadonlyMap<string, GuestProfile>,
  known: ReadonlyMap<string, Suite>,
): Plan {
  const suiteNames =
    request.suites.length > 0
      ? request.suites
      : (request.wishes?.suites ??
        [...known.values()].flatMap((suite) => (suite.onRequest ? [] : suite.name)));
  const suites = pick(known, suiteNames, '--suite');
  const fitting = suites.flatMap((suite) => suite.guests).filter((name) => profiles.has(name));
  const wished = request.guests.length > 0 ? request.guests : (request.wishes?.guests ?? fitting);
  const guests = pick(profiles, [...new Set(wished)], '--guest');
  const debug = request.config.debug;
  return {
    sources: request.sources,
    series: request.series,
    withBase: request.withBase,
    config: request.config,
    pairs: pairUp(guests, suites, known.values(), request.guests.length > 0).map(({ guest, suite }) => ({
      guest: resize(guest, request),
      suite: patience(suite, debug),
    })),
    boots: request.boots ?? 1,
    measuring: request.measuring,
    jobs: request.jobs,
    only: request.only,
    seed: request.seed ?? randomInt(2 ** 31),
    kernelArgs: request.kernelArgs,
    qemuArgs: request.qemuArgs,
    bootTimeoutMs: request.bootTimeoutMs ?? 60_000 * (debug ? DEBUG_FACTOR : 1),
    known: request.known ?? [],
    accel: request.accel,
  };
}

/** The cells of a plan, base and patched of a pair next to each other, boot by boot. */
export function cellsOf(plan: Plan, kernels: readonly { name: string; side: Side }[]): Cell[] {
  const boots = Array.from({ length: plan.boots }, (_, index) => index + 1);
  return plan.pairs.flatMap(({ guest, suite }) =>
    boots.flatMap((boot) =>
      kernels.map((kernel) => ({
        name: `${kernel.name}/${guest.name}/${suite.name}${boot > 1 ? `#${boot}` : ''}`,
        kernel: kernel.name,
        side: kernel.side,
        guest,
        suite,
        boot,
      })),
    ),
  );
}
