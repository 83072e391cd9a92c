import { version } from '../core/version.ts';
import type { RecordOptions as Recording } from '../experiment/recorder.ts';
import type { KernelRequest, MatrixRequest } from '../experiment/request.ts';
import { storePlace } from '../history/place.ts';
import type { Allowed } from '../model/unproven.ts';
import { DEFAULT_JOBS } from '../plan/plan.ts';
import type { AllowOptions, KernelOptions, RecordOptions, RunOptions } from './options.ts';

/** Folder of run records where the caller names none, in the current folder. */
export const RUNS_DIR = 'runs';

/** The request that options make, with the defaults of the command line. */
export function kernelRequest(options: KernelOptions): KernelRequest {
  const { kernels = [], tree, base, series, config = 'tinyconfig', fragments = [], debug = false } = options;
  return { kernels, tree, base, series, config, fragments, debug };
}

/** What options allow a run or comparison to lack. */
export const allowedBy = ({ allowSkips = false, allowGone = false }: AllowOptions): Allowed => ({
  skips: allowSkips,
  gone: allowGone,
});

/** As `kernelRequest`, for a matrix of guests and suites. */
export function matrixRequest(options: RunOptions): MatrixRequest {
  const { guests = [], suites = [], suiteSources = [], only = [], kernelArgs = [], qemuArgs = [] } = options;
  const {
    patchedOnly = false,
    repeats,
    restarts,
    isolate,
    fork,
    confirm,
    flaky,
    jobs = DEFAULT_JOBS,
    seed,
    guestsFile,
    knownFile,
  } = options;
  const { vcpus, memoryMiB, diskMiB, bootTimeoutSeconds, accel, recipe, packages } = options;
  return {
    ...kernelRequest(options),
    ...{
      guests,
      suites,
      suiteSources,
      only,
      kernelArgs,
      qemuArgs,
      patchedOnly,
      repeats,
      restarts,
      isolate,
      fork,
      confirm,
      flaky,
      jobs,
      seed,
      guestsFile,
      knownFile,
    },
    ...{ vcpus, memoryMiB, diskMiB, bootTimeoutSeconds, accel, recipe, packages, allow: allowedBy(options) },
  };
}

/** Where a run is recorded, with the defaults of the command line. */
export const recordingOf = ({ out, runsDir = RUNS_DIR, store }: RecordOptions): Recording => ({
  out,
  store: store === false ? undefined : storePlace(store),
  runsDir,
  version,
});
