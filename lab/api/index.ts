/**
 * `import { run } from 'ringlab'`: the lab for scripts. Each function does what the verb of its name does, with the same defaults, and
 * returns data. None of them prints, ends the process or handles signals: pass an AbortSignal, and `onEvent` for progress. Wrong
 * options throw one InputError with every problem; where a problem comes from a later stage, it names the option as the command
 * line does (`--guest` for `guests`).
 */
export {
  ExitCode,
  errorText,
  InputError,
  LabError,
  type Problem,
  RinglabError,
  VerdictError,
} from '../core/errors.ts';
export type { DryRun } from '../experiment/dry-run.ts';
export type { StepBuild } from '../kernel/index.ts';
export type { CellSpec } from '../model/cell.ts';
export type { Change, Comparison, MetricChange, TestChange } from '../model/compare.ts';
export type { LabEvent } from '../model/event.ts';
export type { KernelBuild } from '../model/kernel.ts';
export type { Complaint, Metric, TestResult } from '../model/result.ts';
export type { CellRecord, KernelRecord, MutantRecord as MutantResult, RunRecord } from '../model/run.ts';
export type { Patch, Series } from '../model/series.ts';
export type { ListedSource, SourceUpdate } from '../model/source-list.ts';
export type { Allowed, Unproven } from '../model/unproven.ts';
export type { CellVerdict, Verdict } from '../model/verdict.ts';
export type { ListedSeries, LoadedSeries } from '../series/index.ts';
export type { NamedSource } from '../source/index.ts';
export { buildEach, buildKernel } from './build.ts';
export type {
  AllowOptions,
  BenchOptions,
  BuildOptions,
  CellRef,
  CompareOptions,
  ImportOptions,
  KernelOptions,
  MatrixOptions,
  MutantsOptions,
  ReadOptions,
  RecordOptions,
  ReportOptions,
  RunCellOptions,
  RunOptions,
  RunRef,
  SourceOptions,
  WorkOptions,
} from './options.ts';
export { type ComparisonResult, compare, readRun, report } from './results.ts';
export { bench, type MutantsResult, mutants, planRun, type RunResult, run, runCell } from './run.ts';
export { findSeries, firstPatches, formatMbox, importSeries, listSeries } from './series.ts';
export { addSource, listSources, removeSource, updateSources } from './sources.ts';
