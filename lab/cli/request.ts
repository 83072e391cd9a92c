import { benchRequest } from '../experiment/bench.ts';
import { type KernelRequest, type MatrixRequest, resolvePlan } from '../experiment/request.ts';
import type { StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import type { BenchSettings } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import type { KernelOptions } from './options.ts';

/** The options of a verb that boots guests, as commander gives them. */
export interface MatrixOptions extends KernelOptions {
  series?: string;
  guest: string[];
  suite: string[];
  source?: string[];
  only: string[];
  patchedOnly?: boolean;
  boots?: number;
  repeat?: number;
  restarts?: number;
  isolate?: boolean;
  fork?: boolean;
  confirm?: number;
  flaky?: 'fail' | 'warn';
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
  allowSkips?: boolean;
  allowGone?: boolean;
  recipe?: string;
  packages?: string[];
}

/** The request that the options for a kernel and a series make. */
export function kernelRequest(options: KernelOptions & { series?: string }): KernelRequest {
  const { kernel: kernels, tree, base, config, fragment: fragments, debug, series } = options;
  return { kernels, tree, base, config, fragments, debug, series };
}

/** The request that the options of a verb that boots guests make. */
export function matrixRequest(options: MatrixOptions): MatrixRequest {
  const { only, jobs, seed, guestsFile, vcpus, accel } = options;
  return {
    ...kernelRequest(options),
    ...{
      guests: options.guest,
      suites: options.suite,
      suiteSources: options.source ?? [],
      only,
      patchedOnly: options.patchedOnly ?? false,
    },
    ...{
      repeats: options.boots ?? options.repeat,
      restarts: options.restarts,
      isolate: options.isolate,
      fork: options.fork,
      confirm: options.confirm,
      flaky: options.flaky,
      jobs,
      seed,
      guestsFile,
      knownFile: options.known,
    },
    ...{ vcpus, memoryMiB: options.memory, diskMiB: options.disk, accel },
    ...{ kernelArgs: options.kernelArg, qemuArgs: options.qemuArg },
    bootTimeoutSeconds: options.bootTimeout,
    allow: { skips: options.allowSkips ?? false, gone: options.allowGone ?? false },
    ...{ recipe: options.recipe, packages: options.packages },
  };
}

/** Turns the options of a verb that boots guests into a checked plan and the series to apply, in order. */
export function planFrom(
  options: MatrixOptions,
  ctx: StageContext,
): Promise<{ plan: Plan; stack: Series[] }> {
  const request = matrixRequest(options);
  return resolvePlan(options.bench ? benchRequest(request, options.bench) : request, ctx);
}
