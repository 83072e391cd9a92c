import type { CellResult, RunRecord, TestResult, Verdict } from '../../model/result.ts';

export const kernel = (side: 'base' | 'patched', name: string) => ({
  side,
  name,
  warnings: [],
  newWarnings: [],
});

export function cell(
  side: 'base' | 'patched',
  tests: Record<string, Verdict>,
  more: Partial<CellResult> = {},
): CellResult {
  const name = side === 'base' ? 'debian-6.12' : 'debian-6.12+x';
  return {
    name: `${name}/plain/passthrough`,
    kernel: name,
    guest: 'plain',
    suite: 'passthrough',
    side,
    verdict: 'done',
    tests: Object.entries(tests).map(([name, verdict]): TestResult => ({ name, verdict })),
    complaints: [],
    metrics: [],
    timings: { totalMs: 1000 },
    files: {},
    ...more,
  };
}

export function record(cells: CellResult[], more: Partial<RunRecord> = {}): RunRecord {
  return {
    format: 1,
    id: 'run',
    startedAt: '2026-01-01T00:00:00Z',
    seconds: 1,
    ringlab: '0.1.0',
    kernels: [kernel('base', 'debian-6.12'), kernel('patched', 'debian-6.12+x')],
    host: { cpu: 'x', cores: 2, memoryMiB: 1, kernel: '6', node: '20' },
    seed: 1,
    cells,
    interrupted: false,
    ...more,
  };
}
