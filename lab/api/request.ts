import { version } from '../core/version.ts';
import type { RecordOptions as Recording } from '../experiment/recorder.ts';
import type { KernelRequest, MatrixRequest } from '../experiment/request.ts';
import { DEFAULT_JOBS } from '../plan/plan.ts';
import type { KernelOptions, RecordOptions, RunOptions } from './options.ts';

/** Folder of run records where the caller names none, in the current folder. */
export const RUNS_DIR = 'runs';

/** The request that options make, with the defaults of the command line. */
export function kernelRequest(options: KernelOptions): KernelRequest {
  const { kernels = [], tree, base, series, config = 'tinyconfig', fragments = [], debug = false } = options;
  return { kernels, tree, base, series, config, fragments, debug };
}

/** As `kernelRequest`, for a matrix of guests and suites. */
export function matrixRequest(options: RunOptions): MatrixRequest {
  const { guests = [], suites = [], only = [], kernelArgs = [], qemuArgs = [] } = options;
  const { patchedOnly = false, repeats, jobs = DEFAULT_JOBS, seed, guestsFile, knownFile } = options;
  const { vcpus, memoryMiB, diskMiB, bootTimeoutSeconds, accel } = options;
  return {
    ...kernelRequest(options),
    ...{
      guests,
      suites,
      only,
      kernelArgs,
      qemuArgs,
      patchedOnly,
      repeats,
      jobs,
      seed,
      guestsFile,
      knownFile,
    },
    ...{ vcpus, memoryMiB, diskMiB, bootTimeoutSeconds, accel },
  };
}

/** Where a run is recorded, with the defaults of the command line. */
export const recordingOf = ({ out, runsDir = RUNS_DIR }: RecordOptions): Recording => ({
  out,
  runsDir,
  version,
});
