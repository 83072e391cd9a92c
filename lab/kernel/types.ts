import type { KernelBuild } from '../model/kernel.ts';

/** How a kernel is built. */
export interface BuildOptions {
  /** Compilers that run at once; default: the number of CPUs. */
  jobs?: number;
  /** Build of the kernel without the series: its warnings are not new. */
  base?: KernelBuild;
  /** Makes the compressed image as well, which other boot loaders take and no guest of the lab needs. */
  bootImage?: boolean | undefined;
}

/** Result of `buildEach` for one tree. */
export interface StepBuild {
  name: string;
  commit: string;
  ok: boolean;
  /** Warnings of the whole kernel after this patch, as in `KernelBuild`; empty when it does not build. */
  warnings: string[];
  /** Those of `warnings` that neither the previous tree that built nor the base has. */
  newWarnings: string[];
  /** Wall time, s. */
  seconds: number;
  /** Present when it does not build: message and compiler output of the VerdictError `build-failed`. */
  error?: { message: string; detail: string };
}
