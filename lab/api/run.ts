import { outcomeOf } from '../compare/outcome.ts';
import { benchRequest } from '../experiment/bench.ts';
import { runCellSpec } from '../experiment/cell-file.ts';
import { type DryRun, dryRun } from '../experiment/dry-run.ts';
import { runMutants } from '../experiment/mutants.ts';
import { type MatrixRequest, resolvePlan, singleSourceOf } from '../experiment/request.ts';
import { type Run, runPlan } from '../experiment/run.ts';
import { CellSpec } from '../model/cell.ts';
import type { Comparison } from '../model/compare.ts';
import { check } from '../model/parse.ts';
import type { MutantRecord, RunRecord } from '../model/run.ts';
import type { Unproven } from '../model/unproven.ts';
import { readCellSpec } from '../plan/file.ts';
import { checkOptions } from './check.ts';
import { inContext } from './context.ts';
import type { BenchOptions, CellRef, MutantsOptions, RunCellOptions, RunOptions } from './options.ts';
import { allowedBy, matrixRequest, recordingOf } from './request.ts';

/** Result of a run that was not interrupted, whether or not its tests pass. */
export interface RunResult {
  record: RunRecord;
  /** What the run does not prove, so that it fails; absent where there is no such thing. */
  unproven?: Unproven[];
  /** Of the base and the patched kernels; absent when the run has one side only. */
  comparison?: Comparison;
  /** Folder of the record. */
  dir: string;
  /** Exit code of `ringlab run`: 0, 1 when the patched side is worse, broken or unproven, 3 when the lab failed. */
  exitCode: number;
}

/** Result of a run over mutants. */
export interface MutantsResult {
  mutants: MutantRecord[];
  record: RunRecord;
  /** Folder of the record. */
  dir: string;
  /** Exit code of `ringlab mutants`: 0 when all were killed, 1 when one survived or does not build, 3 when the lab failed. */
  exitCode: number;
}

const resultOf = ({ record, dir }: Run): RunResult => ({ record, dir, ...outcomeOf(record) });

async function runMatrix(request: MatrixRequest, options: RunOptions): Promise<RunResult> {
  return inContext(options, async (ctx) => {
    const { plan, stack } = await resolvePlan(request, ctx);
    return resultOf(await runPlan(plan, stack, recordingOf(options), ctx));
  });
}

/**
 * Builds the base and the patched kernel, runs the suites in guests, records the run and compares the two sides. Failing tests, and a
 * series that does not apply or build, are results. Throws InputError before anything is written when the options are wrong, LabError
 * when the machine lacks something, and the reason of an abort; after the latter two there is a record as far as the run came.
 *
 * @example
 * const { comparison, dir, exitCode } = await run({ series: 'sqe-group', guests: ['plain'] });
 * console.log(`${comparison?.regressed} regressed: ${dir}`);
 * process.exitCode = exitCode;
 *
 * @example
 * // Progress, and an end after an hour.
 * await run({
 *   series: './thread.mbox',
 *   signal: AbortSignal.timeout(3_600_000),
 *   onEvent(event) {
 *     if (event.type === 'test.end') console.log(event.cell, event.test.name, event.test.verdict);
 *   },
 * });
 */
export async function run(options: RunOptions = {}): Promise<RunResult> {
  checkOptions('run', options, 'run(options)');
  return runMatrix(matrixRequest(options), options);
}

/**
 * What `run` would do with the same options: its kernels, and its cells with the exact QEMU command lines. Nothing is unpacked, built or
 * written; only the accelerator is tried. Throws InputError as `run`.
 *
 * @example
 * const { kernels, cells } = await planRun({ series: 'sqe-group' });
 * console.log(`${cells.length} cells on ${kernels.join(', ')}`);
 */
export async function planRun(options: RunOptions = {}): Promise<DryRun> {
  checkOptions('run', options, 'planRun(options)');
  return inContext(options, async (ctx) => {
    const { plan, stack } = await resolvePlan(matrixRequest(options), ctx);
    return dryRun(plan, stack, ctx);
  });
}

/**
 * Measures what one I/O costs on the base and the patched kernel. Runs the suite `bench` unless others are named. Throws as `run`, and
 * InputError for KVM with the clock `instructions`.
 *
 * @example
 * const { comparison } = await bench({ series: 'dma-premap', guests: ['plain'], only: ['read 4k'] });
 * for (const { name, base, patched, unit, verdict } of comparison?.metrics ?? [])
 *   console.log(name, base, patched, unit, verdict);
 */
export async function bench(options: BenchOptions = {}): Promise<RunResult> {
  const { clock = 'instructions', turns, warmUp } = checkOptions('bench', options, 'bench(options)');
  const settings = { clock, ...(turns && { turns }), ...(warmUp !== undefined && { warmUp }) };
  return runMatrix(benchRequest(matrixRequest(options), settings), options);
}

/**
 * Runs one cell again, as its spec says, with the artefacts of the cache. Throws InputError with every artefact that the cache lacks, and
 * as `run`.
 *
 * @example
 * const { record } = await runCell('runs/20261121T084212Z-sqe-group/cell-debian-6.12-plain-sqe-group.json');
 */
export async function runCell(cell: CellRef, options: RunCellOptions = {}): Promise<RunResult> {
  checkOptions('runCell', options, 'runCell(cell, options)');
  const spec = typeof cell === 'string' ? await readCellSpec(cell) : check(CellSpec, cell, 'runCell(cell)');
  return inContext(options, async (ctx) =>
    resultOf(await runCellSpec(spec, { ...recordingOf(options), allow: allowedBy(options) }, ctx)),
  );
}

/**
 * Plants the mutants of a series, or of a suite, one by one, and runs the suites on each: suites that cover the series kill every
 * mutant. Throws as `run`, InputError when there are no mutants, and LabError when the suites fail even without one.
 *
 * @example
 * const { mutants: results } = await mutants({ series: 'sqe-group', guests: ['plain'] });
 * for (const { name, fault, killed } of results) if (!killed) console.log(`${name} survived: ${fault}`);
 */
export async function mutants(options: MutantsOptions = {}): Promise<MutantsResult> {
  const { mutants: only = [] } = checkOptions('mutants', options, 'mutants(options)');
  const request = matrixRequest(options);
  singleSourceOf(request);
  return inContext(options, async (ctx) => {
    const { plan, stack } = await resolvePlan(request, ctx);
    const result = await runMutants(plan, stack, { ...recordingOf(options), only }, ctx);
    return { ...result, exitCode: outcomeOf(result.record).exitCode };
  });
}
