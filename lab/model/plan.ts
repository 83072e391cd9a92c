import type { GuestProfile } from './guest.ts';
import type { KernelConfigRequest } from './kernel.ts';
import type { SuiteInfo } from './suite.ts';

export type Side = 'base' | 'patched';

/** One guest boot that runs one suite on one kernel. */
export interface Cell {
  /** `debian-6.12+dma-premap/swiotlb/dma-premap`. */
  name: string;
  kernel: string;
  side: Side;
  guest: GuestProfile;
  suite: SuiteInfo;
}

/** What the user asked for, already checked; names resolved to data. */
export interface Plan {
  /** A name in kernels/sources.yaml, or a tree and its revision. */
  source: { kernel?: string; tree?: string; base?: string };
  /** Name or path of the series; without one only the base runs. */
  series?: string;
  /** Run the base too, to compare with; without it only the patched kernel runs. */
  withBase: boolean;
  config: KernelConfigRequest;
  /** guest x suite pairs, run on every kernel of the plan. */
  pairs: { guest: GuestProfile; suite: SuiteInfo }[];
  jobs: number;
  only: string[];
  seed: number;
  kernelArgs: string[];
  qemuArgs: string[];
  bootTimeoutMs: number;
  accel?: 'kvm' | 'tcg';
}
