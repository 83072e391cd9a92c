import type { GuestProfile } from './guest.ts';
import type { KernelConfigRequest } from './kernel.ts';
import type { Suite } from './suite.ts';

/** `base`: what is compared with; `patched`: the base with the series, or a later kernel of a run without one. */
export type Side = 'base' | 'patched';

/** A name in kernels/sources.yaml (default: the first choice), or a tree and its revision. */
export interface SourceRequest {
  kernel?: string;
  tree?: string;
  base?: string;
}

/** One guest boot that runs one suite on one kernel. */
export interface Cell {
  /** `debian-6.12+dma-premap/swiotlb/dma-premap`. */
  name: string;
  kernel: string;
  side: Side;
  guest: GuestProfile;
  suite: Suite;
}

/** What the user asked for, already checked; names resolved to data. */
export interface Plan {
  /** At least one. Without a series, all later ones are compared with the first. */
  sources: SourceRequest[];
  /** Name or path of the series; without one only the base runs. */
  series?: string;
  /** Run the base too, to compare with; without it only the patched kernel runs. */
  withBase: boolean;
  config: KernelConfigRequest;
  /** guest x suite pairs, run on every kernel of the plan. */
  pairs: { guest: GuestProfile; suite: Suite }[];
  jobs: number;
  only: string[];
  seed: number;
  kernelArgs: string[];
  qemuArgs: string[];
  bootTimeoutMs: number;
  accel?: 'kvm' | 'tcg';
}
