import type { KernelConfigRequest } from '../model/kernel.ts';
import type { Plan } from '../model/plan.ts';
import type { BenchSettings } from '../model/run.ts';

/** A run as the user requests it. Empty lists mean the defaults of the series or the suites. */
export interface PlanRequest {
  sources: Plan['sources'];
  series?: string;
  /** Suites and guests that the series names for itself. */
  seriesDefaults?: { suites: string[]; guests: string[] };
  guests: string[];
  suites: string[];
  /** How to correct the name of a suite that is unknown, by that name. */
  suiteFixes?: ReadonlyMap<string, string>;
  config: KernelConfigRequest;
  withBase: boolean;
  /** Default 1. */
  repeats?: number;
  /** Makes it a benchmark: guests that count instructions have one CPU, whatever their profile says. */
  bench?: BenchSettings;
  jobs: number;
  restarts?: number | undefined;
  isolate?: boolean | undefined;
  fork?: boolean | undefined;
  confirm?: number | undefined;
  flaky?: 'fail' | 'warn' | undefined;
  only: string[];
  seed?: number;
  kernelArgs: string[];
  qemuArgs: string[];
  vcpus?: number;
  memoryMiB?: number;
  diskMiB?: number;
  bootTimeoutMs?: number;
  known?: Plan['known'];
  accel?: Plan['accel'];
  allow?: Plan['allow'];
  recipe?: string | undefined;
  packages?: readonly string[] | undefined;
}
