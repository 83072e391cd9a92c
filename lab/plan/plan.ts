import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { InputError } from '../core/errors.ts';
import { MAX_PATCHED } from '../model/compare.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { KernelConfigRequest } from '../model/kernel.ts';
import type { Plan } from '../model/plan.ts';
import type { BenchSettings } from '../model/run.ts';
import type { Suite } from '../model/suite.ts';
import { pick } from '../suite/discover.ts';

/** A run as the user requests it. Empty lists mean the defaults of the series or the suites. */
export interface PlanRequest {
  sources: Plan['sources'];
  series?: string;
  /** Suites and guests that the series names for itself. */
  seriesDefaults?: { suites: string[]; guests: string[] };
  guests: string[];
  suites: string[];
  config: KernelConfigRequest;
  withBase: boolean;
  /** Default 1. */
  repeats?: number;
  /** Makes it a benchmark: guests that count instructions have one CPU, whatever their profile says. */
  bench?: BenchSettings;
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

/** Guests that run at the same time by default: guests wait more than they compute, but each takes its memory. */
export const DEFAULT_JOBS = Math.min(4, availableParallelism());

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

/**
 * The guest x suite pairs: a suite runs on the guests it is written for, narrowed to those asked for. A guest asked for
 * that no suite names (a user's own profile) runs every suite: suites skip what a guest cannot do.
 */
function pairUp(
  profiles: GuestProfile[],
  suites: Suite[],
  allSuites: Iterable<Suite>,
  narrowed: boolean,
): Plan['pairs'] {
  const named = new Set([...allSuites].flatMap((suite) => suite.guests));
  const pairs = suites.flatMap((suite) =>
    profiles
      .filter(({ name }) => suite.guests.includes(name) || (narrowed && !named.has(name)))
      .map((profile) => ({ profile, suite })),
  );
  if (pairs.length > 0) return pairs;
  throw new InputError({
    what: `no suite of ${suites.map((suite) => suite.name).join(', ')} runs on ${profiles.map(({ name }) => name).join(', ')}`,
    where: '--guest/--suite',
    expected: suites.map((suite) => `${suite.name} on ${suite.guests.join(', ')}`).join('; '),
  });
}

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

function suiteNamesOf(request: PlanRequest, allSuites: Iterable<Suite>): string[] {
  if (request.suites.length > 0) return [...new Set(request.suites)];
  const defaults = [...allSuites].flatMap((suite) => (suite.onRequest ? [] : suite.name));
  return request.seriesDefaults?.suites ?? defaults;
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
  const suites = pick(allSuites, suiteNamesOf(request, allSuites.values()), '--suite');
  const suitable = suites.flatMap((suite) => suite.guests).filter((name) => profiles.has(name));
  const guestNames =
    request.guests.length > 0 ? request.guests : (request.seriesDefaults?.guests ?? suitable);
  const guests = pick(profiles, [...new Set(guestNames)], '--guest');
  const debug = request.config.debug;
  const pairs = pairUp(guests, suites, allSuites.values(), request.guests.length > 0);
  return {
    sources: request.sources,
    series: request.series,
    withBase: request.withBase,
    config: request.config,
    pairs: pairs.map(({ profile, suite }) => ({
      profile: resize(profile, request),
      suite: stretchDeadlines(suite, debug),
    })),
    repeats: request.repeats ?? 1,
    bench: request.bench,
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
