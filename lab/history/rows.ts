import { basename } from 'node:path';
import { exitCodeOfRun } from '../compare/exit.ts';
import { outcomeOf } from '../compare/outcome.ts';
import { hashOf } from '../core/hash.ts';
import { DEFAULT_KERNEL } from '../model/kernel.ts';
import { rateOf } from '../model/rate.ts';
import type { CellRecord, KernelRecord, RunRecord } from '../model/run.ts';
import { outcomeIn, rateOfOutcome } from './outcome.ts';
import type {
  FiguresTable,
  KernelsTable,
  RerunsTable,
  ResultsTable,
  RunsTable,
  TestsTable,
} from './schema.ts';

/** Changes with what rows are made from a record, so that an import makes all rows anew. */
const ROWS_VERSION = '1';

/** All rows of a run but those of its series. */
export interface RunRows {
  run: RunsTable;
  kernels: KernelsTable[];
  tests: TestsTable[];
  results: ResultsTable[];
  reruns: RerunsTable[];
  figures: FiguresTable[];
}

/** Text that every store takes: PostgreSQL has no NUL, which a test may have in its name. */
const textOf = (text: string): string => text.replaceAll('\0', '\ufffd');

/** Identity of a run on any machine: two runs of one second may have the same id. */
export const keyOfRun = ({ id, startedAt, seed }: Pick<RunRecord, 'id' | 'startedAt' | 'seed'>): string =>
  hashOf('run', id, startedAt, String(seed)).slice(0, 32);

/** Changes with a record: one that is imported while its run works is replaced later. */
export const digestOf = (record: RunRecord): string => hashOf(ROWS_VERSION, JSON.stringify(record));

/** Identity of a test or figure. */
export function keyOfTest(profile: string, suite: string, name: string): string {
  return hashOf('test', profile, suite, name).slice(0, 32);
}

function stateOf({ interrupted, unfinished }: RunRecord): RunsTable['state'] {
  if (unfinished) return 'unfinished';
  return interrupted ? 'interrupted' : 'ended';
}

const exitCodeOf = (record: RunRecord): number =>
  record.mutants ? exitCodeOfRun(record) : outcomeOf(record).exitCode;

/**
 * The source of each kernel by its id, by the request: the name of a git tree's kernel has a commit, which is another one each night. A patched
 * kernel has the source of its base; one without a base is the kernel of a request in its order.
 */
function sourcesOf({ kernels, plan }: RunRecord): Map<string, string> {
  const roots = kernels.filter(
    ({ base, side }) => base === undefined || (side === 'patched' && !plan?.series),
  );
  const requests = plan?.sources ?? [];
  const names = new Map<string, string>();
  roots.forEach((kernel, index) => {
    const request = roots.length === requests.length ? requests[index] : undefined;
    const named = request && (request.tree ? basename(request.tree) : (request.kernel ?? DEFAULT_KERNEL));
    names.set(kernel.id, named || kernel.name);
  });
  for (const { id, base, name } of kernels)
    if (!names.has(id)) names.set(id, (base === undefined ? undefined : names.get(base)) ?? name);
  return names;
}

function kernelRows(record: RunRecord, run: string): KernelsTable[] {
  const sources = sourcesOf(record);
  return record.kernels.map((kernel: KernelRecord) => ({
    run,
    id: textOf(kernel.id),
    name: textOf(kernel.name),
    side: kernel.side,
    base: kernel.base === undefined ? null : textOf(kernel.base),
    build_key: kernel.key ?? null,
    release: kernel.release === undefined ? null : textOf(kernel.release),
    source: textOf(sources.get(kernel.id) ?? kernel.name),
    series: kernel.side === 'patched' ? (record.series?.id ?? null) : null,
    failure: kernel.failure ? textOf(`${kernel.failure.verdict}: ${kernel.failure.message}`) : null,
  }));
}

/** Collects rows by their keys: of two results of one name in a cell the last one counts. */
class RowSets {
  readonly tests = new Map<string, TestsTable>();
  readonly results = new Map<string, ResultsTable>();
  readonly reruns = new Map<string, RerunsTable>();
  readonly figures = new Map<string, FiguresTable>();

  testId({ profile, suite }: Pick<CellRecord, 'profile' | 'suite'>, name: string): string {
    const row = { profile: textOf(profile), suite: textOf(suite), name: textOf(name) };
    const id = keyOfTest(row.profile, row.suite, row.name);
    this.tests.set(id, { id, ...row });
    return id;
  }

  takeCell(record: RunRecord, run: string, cell: CellRecord): void {
    const kernel = textOf(cell.kernel);
    const payload = record.suites.find(({ id }) => id === cell.suite)?.payload ?? '';
    for (const result of cell.tests) {
      const test = this.testId(cell, result.name);
      const outcome = cell.verdict === 'lab-failed' ? 'none' : outcomeIn(record, result);
      const reason = result.reason === undefined ? null : textOf(result.reason);
      const { failed, runs } = rateOfOutcome(outcome, result.rate);
      const row = { run, kernel, test, verdict: result.verdict, outcome, payload, reason, failed, runs };
      this.results.set(`${kernel}\0${test}`, row);
    }
    for (const { name, value, unit, better, noise } of cell.metrics) {
      const test = this.testId(cell, name);
      const row = { run, kernel, test, value, unit: textOf(unit), better, noise: noise ?? null };
      this.figures.set(`${kernel}\0${test}`, row);
    }
  }

  /** Reruns of a test alone: after other tests it may fail by their doing. Those on the base have the base's kernel. */
  takeReruns(record: RunRecord, run: string): void {
    for (const { kernel, profile, suite, test: name, reruns } of record.confirmations ?? []) {
      const test = this.testId({ profile, suite }, name);
      const base = record.kernels.find(({ id }) => id === kernel)?.base;
      for (const side of ['base', 'patched'] as const) {
        const id = side === 'base' ? base : kernel;
        const alone = reruns.filter((rerun) => rerun.side === side && rerun.after === undefined);
        const { failed, runs } = rateOf(alone.map(({ verdict }) => verdict));
        if (id === undefined || runs === 0) continue;
        this.reruns.set(`${id}\0${test}`, { run, kernel: textOf(id), test, failed, runs });
      }
    }
  }
}

const byId = (a: TestsTable, b: TestsTable) => (a.id < b.id ? -1 : 1);

/** The rows of a run whose record lies in `folder`. */
export function rowsOf(record: RunRecord, folder: string): RunRows {
  const key = keyOfRun(record);
  const sets = new RowSets();
  for (const cell of record.cells) sets.takeCell(record, key, cell);
  sets.takeReruns(record, key);
  return {
    run: {
      key,
      id: textOf(record.id),
      started_at: record.startedAt,
      seconds: record.seconds,
      ringlab: textOf(record.ringlab),
      state: stateOf(record),
      exit_code: exitCodeOf(record),
      series: record.series?.id ?? null,
      digest: digestOf(record),
      folder: textOf(folder),
    },
    kernels: kernelRows(record, key),
    // In one order: two processes that insert the same tests of PostgreSQL would else wait for each other.
    tests: [...sets.tests.values()].sort(byId),
    results: [...sets.results.values()],
    reruns: [...sets.reruns.values()],
    figures: [...sets.figures.values()].filter(({ value }) => Number.isFinite(value)),
  };
}
