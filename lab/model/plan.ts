import type { KnownComplaint } from './cell.ts';
import type { GuestProfile } from './guest.ts';
import type { KernelConfigRequest } from './kernel.ts';
import type { BenchSettings } from './run.ts';
import type { Suite } from './suite.ts';

/** A name in kernels/sources.yaml (default: `debian-6.12`), or a tree and its revision. */
export interface SourceRequest {
  kernel?: string | undefined;
  tree?: string | undefined;
  base?: string | undefined;
}

/** What the user asked for, checked, with names resolved to data. */
export interface Plan {
  /** At least one. Without a series, all later sources are compared with the first. */
  sources: SourceRequest[];
  /** Name or path of the series; without one only the sources themselves run. */
  series?: string | undefined;
  /** Run the base too, to compare with; otherwise only the patched kernel runs. */
  withBase: boolean;
  config: KernelConfigRequest;
  /** Pairs of guest profile and suite, run on every kernel of the plan. Names are unique per kind: they are ids in the record. */
  pairs: { profile: GuestProfile; suite: Suite }[];
  /** How often each pair boots on each kernel; the results become one. */
  repeats: number;
  /** Of a benchmark: how it measures. */
  bench?: BenchSettings | undefined;
  jobs: number;
  only: string[];
  seed: number;
  kernelArgs: string[];
  qemuArgs: string[];
  bootTimeoutMs: number;
  /** Complaints that fail nothing. */
  known: KnownComplaint[];
  accel?: 'kvm' | 'tcg' | undefined;
}
