import type { Side } from '../../lab/model/cell.ts';
import type { Comparison } from '../../lab/model/compare.ts';
import type { CellRecord, RunRecord } from '../../lab/model/run.ts';

/** Text that would control a terminal, or leave its place in Markdown or XML. */
const HOSTILE = 'evil \u001b[2Jname <b>&"\' | `code` @all \u202etxt';

/** A kernel report with text that would end a fenced block, an element or a CDATA section. */
const KASAN = [
  '[   21.400000][    C1] BUG: KASAN: slab-use-after-free in nvme_x+0x4f/0x1d0',
  '[   21.400060][    C1] Call Trace:',
  '[   21.400070][    C1]  nvme_x+0x4f/0x1d0 ``` </failure> ]]>',
].join('\n');

function cell(side: Side, profile: string, suite: string, more: Partial<CellRecord>): CellRecord {
  const kernel = side === 'base' ? 'debian-6.12' : 'debian-6.12+mpath';
  const { verdict = 'done' } = more;
  return {
    ...{ kernel, profile, suite, verdict },
    ...{ tests: [], complaints: [], metrics: [] },
    attempts: [
      {
        ...{ repeat: 1, attempt: 1, verdict, timings: { totalMs: 12_340 }, artefacts: [] },
        qemu: { version: '7.2.17', accel: 'tcg', commandLine: ['qemu-system-x86_64'] },
      },
    ],
    ...more,
  };
}

const skip = { verdict: 'skip', reason: 'the guest has no poll queues' } as const;

/** A base and a patched kernel, with everything that a report can show. */
export const record: RunRecord = {
  format: 2,
  id: '20261121T084212Z-mpath',
  startedAt: '2026-11-21T08:42:12Z',
  seconds: 123.4,
  ringlab: '0.1.0',
  series: { id: 'f00', name: 'mpath', title: 'nvme: multipath for passthrough', patches: ['one', 'two'] },
  kernels: [
    {
      id: 'debian-6.12',
      name: 'debian-6.12',
      side: 'base',
      release: '6.12.57',
      compiler: 'gcc 12.2.0',
      cached: true,
      warnings: [],
      newWarnings: [],
    },
    {
      ...{
        id: 'debian-6.12+mpath',
        base: 'debian-6.12',
        name: 'debian-6.12+mpath',
        side: 'patched',
        release: '6.12.57+',
        compiler: 'gcc 12.2.0',
        buildSeconds: 11.6,
      },
      ...{ warnings: ['drivers/nvme/host/ioctl.c: unused variable'], newWarnings: [] },
    },
  ],
  host: { cpu: 'x', cores: 2, memoryMiB: 4096, kernel: '6.1', node: 'v20' },
  profiles: [{ id: 'plain' }, { id: 'multipath' }, { id: 'swiotlb' }],
  suites: [{ id: 'passthrough' }, { id: 'multipath' }],
  seed: 42,
  spans: [],
  failures: [],
  interrupted: false,
  cells: [
    cell('base', 'plain', 'passthrough', {
      tests: [
        { name: 'reads what was written', verdict: 'pass', durationMs: 12.5 },
        { name: 'polled', ...skip },
        { name: 'keeps order', verdict: 'pass' },
        { name: 'known fault', verdict: 'todo', reason: 'not yet' },
        { name: 'left out', verdict: 'pass' },
      ],
    }),
    cell('base', 'multipath', 'multipath', {
      tests: [
        { name: 'path error > retried', verdict: 'fail', reason: 'expected 0, got 0x370 (host path error)' },
        { name: 'last path gone', verdict: 'fail', reason: 'hangs' },
      ],
    }),
    cell('base', 'swiotlb', 'passthrough', { tests: [{ name: 'reads what was written', verdict: 'pass' }] }),
    cell('patched', 'plain', 'passthrough', {
      tests: [
        { name: 'reads what was written', verdict: 'pass', durationMs: 13 },
        { name: 'polled', ...skip },
        {
          name: 'keeps order',
          verdict: 'fail',
          reason: 'expected [1, 2], got [2, 1]',
          detail: 'at: suite.ts:12\ngot: ```',
        },
        { name: 'known fault', verdict: 'todo', reason: 'not yet' },
        { name: HOSTILE, verdict: 'fail', reason: HOSTILE, detail: HOSTILE },
      ],
      metrics: [{ name: 'submit', value: 90, unit: 'ns', better: 'lower' }],
    }),
    cell('patched', 'multipath', 'multipath', {
      tests: [
        { name: 'path error > retried', verdict: 'pass', durationMs: 250 },
        { name: 'last path gone', verdict: 'fail', reason: 'hangs' },
      ],
      complaints: [
        {
          title: 'nvme: I/O timeout',
          signature: 'nvme: I/O timeout',
          text: '[   40.0] nvme nvme0: I/O tag 12 timeout',
          line: 300,
          fatal: false,
        },
      ],
    }),
    cell('patched', 'swiotlb', 'passthrough', {
      verdict: 'crash',
      reason: 'KASAN: slab-use-after-free in nvme_x',
      detail: KASAN,
      complaints: [
        {
          title: 'KASAN: slab-use-after-free in nvme_x',
          signature: 'KASAN: slab-use-after-free | nvme_x',
          text: KASAN,
          line: 211,
          fatal: true,
        },
      ],
    }),
  ],
};

/** Where a row of the comparison belongs. */
const at = (profile: string, suite: string) => ({
  ...{ cell: `${profile}/${suite}`, kernel: 'debian-6.12+mpath', profile, suite },
});
const plain = at('plain', 'passthrough');
const complaints = record.cells.flatMap(({ profile, suite, complaints: printed }) =>
  printed.map((complaint) => ({ ...complaint, ...at(profile, suite) })),
);

/** The comparison of `record`, with further metrics. */
export const comparison: Comparison = {
  unproven: [{ code: 'gone', subjects: ['plain/passthrough'], count: 1 }],
  kind: 'sides',
  runs: { base: record.id, patched: record.id },
  kernels: [
    {
      base: { id: 'debian-6.12', name: 'debian-6.12' },
      patched: [{ id: 'debian-6.12+mpath', name: 'debian-6.12+mpath' }],
    },
  ],
  ...{ fixed: 1, regressed: 2, same: 4, new: 1, gone: 1, changed: 0, skipped: 1, failed: 4, passed: 2 },
  tests: [
    { ...plain, name: 'reads what was written', base: 'pass', patched: 'pass', change: 'same' },
    {
      ...plain,
      name: 'polled',
      base: 'skip',
      patched: 'skip',
      change: 'same',
      reason: 'the guest has no poll queues',
    },
    {
      ...plain,
      name: 'keeps order',
      base: 'pass',
      patched: 'fail',
      change: 'regressed',
      reason: 'expected [1, 2], got [2, 1]',
    },
    { ...plain, name: 'known fault', base: 'todo', patched: 'todo', change: 'same', reason: 'not yet' },
    { ...plain, name: 'left out', base: 'pass', change: 'gone' },
    { ...plain, name: HOSTILE, patched: 'fail', change: 'new', reason: HOSTILE },
    {
      ...{
        ...at('multipath', 'multipath'),
        name: 'path error > retried',
        base: 'fail',
        patched: 'pass',
        change: 'fixed',
      },
      reason: 'expected 0, got 0x370 (host path error)',
    },
    {
      ...at('multipath', 'multipath'),
      name: 'last path gone',
      base: 'fail',
      patched: 'fail',
      change: 'same',
      reason: 'hangs',
    },
    {
      ...{
        ...at('swiotlb', 'passthrough'),
        name: 'reads what was written',
        base: 'pass',
        patched: 'lost',
        change: 'regressed',
      },
      reason: 'crash: KASAN: slab-use-after-free in nvme_x',
    },
  ],
  metrics: [
    {
      ...plain,
      name: 'submit',
      unit: 'ns',
      better: 'lower',
      base: 100,
      patched: 90,
      spread: 0,
      verdict: 'better',
    },
    {
      ...plain,
      name: 'cpu',
      unit: 'ns',
      better: 'lower',
      base: 7337,
      patched: 7342,
      spread: 7,
      verdict: 'same',
    },
    { ...plain, name: 'iops', unit: '1/s', better: 'higher', base: 0.5, patched: 0.4, verdict: 'worse' },
    { ...plain, name: `only ${HOSTILE}`, unit: 'ns', better: 'none', patched: 1 },
  ],
  brokenCells: [
    {
      ...at('swiotlb', 'passthrough'),
      side: 'patched',
      verdict: 'crash',
      reason: 'KASAN: slab-use-after-free in nvme_x',
    },
  ],
  newWarnings: ['drivers/nvme/host/ioctl.c: unused variable'],
  newComplaints: complaints,
};
