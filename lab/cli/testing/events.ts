import { emptyCell } from '../../cell/result.ts';
import type { CellSpec } from '../../model/cell.ts';
import type { EventBody, LabEvent } from '../../model/event.ts';
import { GuestProfile } from '../../model/guest.ts';
import type { TestResult } from '../../model/result.ts';
import type { RunRecord } from '../../model/run.ts';
import { SuiteInfo } from '../../model/suite.ts';
import type { CellVerdict, Verdict } from '../../model/verdict.ts';

/** Events of a run as the stages emit them, for views of it. Kernel, guest and suite of a cell are the parts of its name. */

const KEY = '0'.repeat(16);

function partsOf(cell: string) {
  const [suite = '', profile = '', ...kernel] = cell.split('/').reverse();
  return { kernel: kernel.reverse().join('/'), profile, suite, repeat: 1 };
}

/** The spec of a cell by its name, `k/plain/s`. */
export function specOf(cell: string): CellSpec {
  const { kernel, profile, suite } = partsOf(cell);
  return {
    ...{ format: 1, kernel: { id: kernel, key: KEY, debug: false }, side: 'base' },
    ...{
      image: { recipe: 'minimal', key: KEY },
      profile: GuestProfile.parse({ name: profile, summary: 'x' }),
    },
    ...{ suite: SuiteInfo.parse({ name: suite }), payload: { kind: 'agent', key: KEY }, accel: 'tcg' },
    ...{ seed: 1, only: [], kernelArgs: [], qemuArgs: [], known: [], repeat: 1, attempt: 1 },
    deadlines: { bootMs: 60_000, suiteMs: 600_000, testMs: 60_000 },
  };
}

/** The head of a run with so many guests at a time. */
export const headOf = (jobs: number): RunRecord => ({
  ...{ format: 2, id: 'x', startedAt: '2026-01-01T00:00:00Z', seconds: 0, ringlab: '0.1.0' },
  plan: {
    ...{ sources: [], withBase: true, only: [], kernelArgs: [], qemuArgs: [], pairs: [] },
    config: { start: 'tinyconfig', fragments: [], debug: false },
    ...{ repeats: 1, bootTimeoutMs: 60_000, jobs },
  },
  host: { cpu: 'x', cores: 2, memoryMiB: 1, kernel: '6', node: '20' },
  ...{
    kernels: [],
    profiles: [],
    suites: [],
    seed: 1,
    cells: [],
    spans: [],
    failures: [],
    interrupted: false,
  },
});

export const runStart = (jobs: number, dir = '/nowhere/x'): EventBody => ({
  ...{ type: 'run.start', record: headOf(jobs), dir },
});

export const planned = (...cells: string[]): EventBody => ({
  type: 'cells.planned',
  cells: cells.map(partsOf),
});

export const cellStart = (cell: string): EventBody => ({ type: 'cell.start', cell, spec: specOf(cell) });

export const tests = (verdicts: Record<string, Verdict>): TestResult[] =>
  Object.entries(verdicts).map(([name, verdict]) => ({ name, verdict }));

export const testEnd = (cell: string, name: string, verdict: Verdict): EventBody => ({
  ...{ type: 'test.end', cell, test: { name, verdict } },
});

export function cellEnd(
  cell: string,
  ms: number,
  verdicts: Record<string, Verdict> = {},
  verdict: CellVerdict = 'done',
): EventBody {
  const result = { ...emptyCell(specOf(cell), verdict, {}), tests: tests(verdicts) };
  return { type: 'cell.end', cell, verdict, ms, result };
}

/** A cell up to its first test: announced, none ended. */
export const inTests = (cell: string, announced: readonly string[] = []): EventBody[] => [
  cellStart(cell),
  { type: 'guest.start', guest: cell, commandLine: [] },
  { type: 'guest.ready', guest: cell, ms: 2000 },
  ...(announced.length > 0 ? [{ type: 'tests.announced' as const, cell, tests: [...announced] }] : []),
];

/** Events one second apart, the first `fromMs` after 1970. */
export const timed = (events: readonly EventBody[], fromMs = 0): LabEvent[] =>
  events.map((event, index) => ({ ...event, at: fromMs + 1000 * index }));
