import type { Side } from '../../model/cell.ts';
import type { TestResult } from '../../model/result.ts';
import type { Attempt, CellRecord, KernelRecord, RunRecord } from '../../model/run.ts';
import type { Verdict } from '../../model/verdict.ts';

/** A kernel record whose id is its name; patched kernels stem from `base`. */
export const kernel = (side: Side, name: string, base = 'debian-6.12'): KernelRecord => ({
  ...{ id: name, name, side, warnings: [], newWarnings: [] },
  ...(side === 'patched' ? { base } : {}),
});

/** A cell of plain/passthrough with these verdicts by test name. */
export function cell(side: Side, tests: Record<string, Verdict>, more: Partial<CellRecord> = {}): CellRecord {
  const { verdict = 'done' } = more;
  const attempt: Attempt = {
    ...{ repeat: 1, attempt: 1, verdict, timings: { totalMs: 1000 }, artefacts: [] },
  };
  return {
    kernel: side === 'base' ? 'debian-6.12' : 'debian-6.12+x',
    ...{ profile: 'plain', suite: 'passthrough', verdict },
    tests: Object.entries(tests).map(([name, verdict]): TestResult => ({ name, verdict })),
    ...{ complaints: [], metrics: [], attempts: [attempt] },
    ...more,
  };
}

/** A run record with a base, a patched kernel and these cells. */
export function record(cells: CellRecord[], more: Partial<RunRecord> = {}): RunRecord {
  return {
    ...{ format: 2, id: 'run', startedAt: '2026-01-01T00:00:00Z', seconds: 1, ringlab: '0.1.0' },
    kernels: [kernel('base', 'debian-6.12'), kernel('patched', 'debian-6.12+x')],
    host: { cpu: 'x', cores: 2, memoryMiB: 1, kernel: '6', node: '20' },
    profiles: [{ id: 'plain' }],
    suites: [{ id: 'passthrough' }],
    ...{ seed: 1, cells, spans: [], failures: [], interrupted: false },
    ...more,
  };
}
