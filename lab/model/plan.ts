import { z } from 'zod';
import type { GuestProfile } from './guest.ts';
import type { KernelConfigRequest } from './kernel.ts';
import type { Measuring } from './result.ts';
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
  /** Which of the plan's boots, from 1. */
  boot: number;
}

/** An entry of kernels/known-complaints.yaml, or of the user's own list: a kernel complaint that is to fail nobody. */
export const KnownComplaint = z
  .object({
    /** Part of the complaint's title, as reports give it. */
    title: z.string().min(5),
    /** All of them are in the report's traces. */
    functions: z.array(z.string().regex(/^\w+$/, 'a function of the trace')).min(1),
    /** Told with every complaint that fits. */
    reason: z.string().min(1),
  })
  .strict();
export type KnownComplaint = z.infer<typeof KnownComplaint>;

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
  /** How often each pair is run on each kernel; their results become one. */
  boots: number;
  /** A benchmark, and how it is taken. */
  measuring?: Measuring;
  jobs: number;
  only: string[];
  seed: number;
  kernelArgs: string[];
  qemuArgs: string[];
  bootTimeoutMs: number;
  /** Kernel complaints that fail nobody. */
  known: KnownComplaint[];
  accel?: 'kvm' | 'tcg';
}
