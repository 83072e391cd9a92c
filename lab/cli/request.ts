import { loadKnown } from '../cell/known.ts';
import { loadProfiles } from '../guest/index.ts';
import type { StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import type { BenchSettings } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import { makePlan } from '../plan/plan.ts';
import { baseOf, resolveStack } from '../series/index.ts';
import { loadSuites, withUserSuites } from '../suite/discover.ts';
import { configOf, type KernelOptions, sourcesOf } from './options.ts';

export interface MatrixOptions extends KernelOptions {
  series?: string;
  guest: string[];
  suite: string[];
  only: string[];
  patchedOnly?: boolean;
  boots?: number;
  bench?: BenchSettings;
  jobs: number;
  seed?: number;
  guestsFile?: string;
  known?: string;
  vcpus?: number;
  memory?: number;
  disk?: number;
  kernelArg: string[];
  qemuArg: string[];
  bootTimeout?: number;
  accel?: 'kvm' | 'tcg';
}

/** Turns the options of `run` and `mutants` into a checked plan and the series to apply, in order. */
export async function planFrom(
  options: MatrixOptions,
  ctx: StageContext,
): Promise<{ plan: Plan; stack: Series[] }> {
  const [profiles, known] = await Promise.all([loadProfiles(options.guestsFile), loadSuites()]);
  const complaints = await loadKnown(options.known);
  const { suites, names } = await withUserSuites(known, options.suite);
  const found = options.series ? await resolveStack(options.series, ctx) : [];
  const info = found.at(-1)?.info;
  const plan = makePlan(
    {
      sources: sourcesOf(options, baseOf(found)),
      series: options.series,
      // The suites and guests that test a series are not those that show its cost.
      seriesDefaults: options.bench ? undefined : info,
      guests: options.guest,
      suites: names,
      config: configOf(options),
      withBase: !options.patchedOnly,
      repeats: options.boots,
      bench: options.bench,
      jobs: options.jobs,
      only: options.only,
      seed: options.seed,
      kernelArgs: options.kernelArg,
      qemuArgs: options.qemuArg,
      vcpus: options.vcpus,
      memoryMiB: options.memory,
      diskMiB: options.disk,
      bootTimeoutMs: options.bootTimeout === undefined ? undefined : options.bootTimeout * 1000,
      known: complaints,
      accel: options.accel,
    },
    profiles,
    suites,
  );
  return { plan, stack: found.map(({ series }) => series) };
}
