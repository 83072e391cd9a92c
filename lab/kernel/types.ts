import type { KernelBuild } from '../model/kernel.ts';

export interface BuildOptions {
  /** How many compilers run at once; default: the machine's cores. */
  jobs?: number;
  /** The build of the state that this one stems from: `newWarnings` are those that it does not have. */
  base?: KernelBuild;
}

/** One step of `buildEach`. */
export interface StepBuild {
  name: string;
  commit: string;
  ok: boolean;
  /** Warnings of the whole kernel at this step, as in `KernelBuild`. */
  warnings: string[];
  /** Those that the step before (or the base) does not have. */
  newWarnings: string[];
  seconds: number;
  /** Set when it does not build: `build-failed` message and the compiler's errors. */
  error?: { message: string; detail: string };
}
