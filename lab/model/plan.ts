import type { KnownComplaint } from './cell.ts';
import type { GuestProfile } from './guest.ts';
import type { KernelConfigRequest } from './kernel.ts';
import type { BenchSettings } from './run.ts';
import type { Suite } from './suite.ts';
import type { Allowed } from './unproven.ts';

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
  /** Recipe of the image that guests boot, a name or the path of a folder; default `minimal`. */
  recipe?: string | undefined;
  /** Debian packages that the images of all guests have in addition; those of a suite are added to them. */
  packages?: readonly string[] | undefined;
  jobs: number;
  /** Fresh guests that a cell may take after its first for tests that a lost or damaged guest did not begin; default 20. */
  restarts?: number | undefined;
  /** Each test has a separate guest. */
  isolate?: boolean | undefined;
  /** `false`: every guest boots; default: it is forked of a template where one is at hand. */
  fork?: boolean | undefined;
  /** How often a regressed test is run again on each side; default 2. */
  confirm?: number | undefined;
  /** Whether a flaky test fails the run; default `warn`. */
  flaky?: 'fail' | 'warn' | undefined;
  only: string[];
  seed: number;
  kernelArgs: string[];
  qemuArgs: string[];
  bootTimeoutMs: number;
  /** Complaints that fail nothing. */
  known: KnownComplaint[];
  accel?: 'kvm' | 'tcg' | undefined;
  /** What is no fault of the run; absent: nothing. */
  allow?: Allowed | undefined;
}
