import type { Comparison, TestChange } from '../../lab/model/compare.ts';
import type { CellRecord, KernelRecord, RunRecord } from '../../lab/model/run.ts';
import type { Verdict } from '../../lab/model/verdict.ts';

/** A run of one base and two patched kernels, whose ids are not their names. One name is longer than its column. */
const NAMES = { k1: 'debian-6.12', k2: 'debian-6.17', k3: 'linux-nvme-passthrough-0123456789ab' } as const;
type Id = keyof typeof NAMES;

const kernel = (id: Id): KernelRecord => ({
  ...{ id, name: NAMES[id], side: id === 'k1' ? 'base' : 'patched', release: '6.12.57', warnings: [] },
  newWarnings: [],
  ...(id === 'k1' ? {} : { base: 'k1' }),
});

type Results = Record<string, [Verdict, reason?: string]>;

function cell(
  id: Id,
  seconds: number,
  [profile, suite]: [string, string],
  results: Results,
  more: Partial<CellRecord> = {},
): CellRecord {
  const { verdict = 'done' } = more;
  return {
    ...{ kernel: id, profile, suite, verdict, complaints: [], metrics: [] },
    tests: Object.entries(results).map(([name, [verdict, reason]]) => ({
      ...{ name, verdict },
      ...(reason === undefined ? {} : { reason, detail: `seen on ${id}` }),
    })),
    attempts: [{ repeat: 1, attempt: 1, verdict, timings: { totalMs: 1000 * seconds }, artefacts: [] }],
    ...more,
  };
}

const PLAIN: [string, string] = ['plain', 'passthrough'];
const PATHS: [string, string] = ['multipath', 'multipath'];
const submit = (value: number) => ({
  metrics: [{ name: 'submit', value, unit: 'ns', better: 'lower' as const }],
});
const LAB = 'QEMU ended before the guest was ready: no space left on device';

export const record: RunRecord = {
  ...{ format: 2, id: '20261121T084212Z-base', startedAt: '2026-11-21T08:42:12Z', seconds: 61 },
  ...{ ringlab: '0.1.0', seed: 7, spans: [], interrupted: false },
  host: { cpu: 'x', cores: 2, memoryMiB: 4096, kernel: '6.1', node: 'v20' },
  kernels: [kernel('k1'), kernel('k2'), kernel('k3')],
  profiles: [{ id: 'plain' }, { id: 'multipath' }],
  suites: [{ id: 'passthrough' }, { id: 'multipath' }],
  cells: [
    cell('k1', 1, PLAIN, { reads: ['pass'], polled: ['skip', 'no poll queues'] }, submit(100)),
    cell('k2', 2, PLAIN, { reads: ['fail', 'expected 0, got 5'], polled: ['pass'] }, submit(90)),
    cell('k3', 3, PLAIN, { reads: ['pass'], polled: ['skip', 'no poll queues'] }, submit(110)),
    cell('k1', 4, PATHS, { retried: ['fail', 'expected 0, got 0x370'] }),
    cell('k2', 5, PATHS, { retried: ['pass'] }),
    cell('k3', 6, PATHS, {}, { verdict: 'lab-failed', reason: LAB }),
  ],
  failures: [
    {
      subject: 'k3/multipath/multipath',
      message: `k3/multipath/multipath: the lab could not run this cell\n  cause: ${LAB}`,
    },
    { subject: 'run', message: 'the record could not be copied' },
  ],
};

const place = (id: 'k2' | 'k3', [profile, suite]: [string, string]) => ({
  ...{ cell: `${NAMES[id]}/${profile}/${suite}`, kernel: id, profile, suite },
});
const change = (
  where: ReturnType<typeof place>,
  name: string,
  [base, patched]: [Verdict, Verdict],
  kind: TestChange['change'],
  reason?: string,
): TestChange => ({
  ...{ ...where, name, base, patched, change: kind },
  ...(reason === undefined ? {} : { reason }),
});
const figure = (where: ReturnType<typeof place>, patched: number, verdict: 'better' | 'worse') => ({
  ...{ ...where, name: 'submit', unit: 'ns', better: 'lower' as const, base: 100, patched, verdict },
});

export const comparison: Comparison = {
  kind: 'sides',
  runs: { base: record.id, patched: record.id },
  kernels: [
    {
      base: { id: 'k1', name: NAMES.k1 },
      patched: [
        { id: 'k2', name: NAMES.k2 },
        { id: 'k3', name: NAMES.k3 },
      ],
    },
  ],
  ...{ fixed: 1, regressed: 1, same: 2, new: 0, gone: 0, changed: 2, skipped: 1, failed: 2, passed: 3 },
  tests: [
    change(place('k2', PLAIN), 'reads', ['pass', 'fail'], 'regressed', 'expected 0, got 5'),
    change(place('k2', PLAIN), 'polled', ['skip', 'pass'], 'changed', 'no poll queues'),
    change(place('k2', PATHS), 'retried', ['fail', 'pass'], 'fixed', 'expected 0, got 0x370'),
    change(place('k3', PLAIN), 'reads', ['pass', 'pass'], 'same'),
    change(place('k3', PLAIN), 'polled', ['skip', 'skip'], 'same', 'no poll queues'),
    change(place('k3', PATHS), 'retried', ['fail', 'lost'], 'changed', `lab-failed: ${LAB}`),
  ],
  metrics: [figure(place('k2', PLAIN), 90, 'better'), figure(place('k3', PLAIN), 110, 'worse')],
  brokenCells: [{ ...place('k3', PATHS), side: 'patched', verdict: 'lab-failed', reason: LAB }],
  ...{ newWarnings: [], newComplaints: [] },
};
