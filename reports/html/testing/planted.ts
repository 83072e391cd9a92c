import type { Complaint, Metric, TestResult } from '../../../lab/model/result.ts';
import type { Attempt, CellRecord, KernelRecord, RunRecord } from '../../../lab/model/run.ts';

/** A run in which a crash, a flake and a slowdown of 5% are planted, besides all else that a page shows. */
const BASE = 'debian-6.12';
const PATCHED = 'debian-6.12+mpath';

export const KASAN = `[   21.412031][   T87] ==================================================================
[   21.412402][   T87] BUG: KASAN: slab-use-after-free in nvme_ns_head_requeue+0x4f/0x1d0 (drivers/nvme/host/multipath.c:481)
[   21.412911][   T87] Read of size 8 at addr ffff88800a2c1e40 by task kworker/1:1H/87
[   21.413344][   T87] CPU: 1 UID: 0 PID: 87 Comm: kworker/1:1H Not tainted 6.12.57+ #1
[   21.413790][   T87] Call Trace:
[   21.413958][   T87]  <TASK>
[   21.414120][   T87]  dump_stack_lvl+0x53/0x70 (lib/dump_stack.c:123)
[   21.414389][   T87]  print_report+0xc1/0x5e0 (mm/kasan/report.c:488)
[   21.414662][   T87]  nvme_ns_head_requeue+0x4f/0x1d0 (drivers/nvme/host/multipath.c:481)
[   21.414969][   T87]  nvme_requeue_work+0x9a/0xe0 (drivers/nvme/host/multipath.c:652)
[   21.415262][   T87]  process_one_work+0x1f3/0x3d0 (kernel/workqueue.c:3229)
[   21.415541][   T87]  worker_thread+0x1b4/0x330 (kernel/workqueue.c:3391)
[   21.415806][   T87]  kthread+0xd2/0x100 (kernel/kthread.c:389)
[   21.416050][   T87]  </TASK>`;

const fatal: Complaint = {
  title: 'KASAN: slab-use-after-free in nvme_ns_head_requeue',
  signature: 'KASAN: slab-use-after-free | nvme_ns_head_requeue',
  ...{ text: KASAN, line: 412, fatal: true },
};
const timeout: Complaint = {
  title: 'nvme nvme0: I/O timeout, reset controller',
  signature: 'nvme: I/O timeout',
  ...{
    text: '[   40.000112][   T12] nvme nvme0: I/O tag 12 (100c) QID 1 timeout, reset controller',
    line: 300,
  },
  fatal: false,
};
const lockdep: Complaint = {
  title: 'WARNING: possible recursive locking detected in blk_mq_freeze_queue',
  signature: 'lockdep: recursive | blk_mq_freeze_queue',
  text: '[   12.332911][    T1] WARNING: possible recursive locking detected\n[   12.333012][    T1] 6.12.57 #1 Not tainted',
  ...{ line: 220, fatal: true, known: 'a freeze without an owner, fixed upstream by 357e1ac8b7f2' },
};

const SETTINGS = { warnings: ['drivers/nvme/host/pci.c: unused variable ‘dma_dir’'], newWarnings: [] };
const kernels: KernelRecord[] = [
  {
    ...{
      id: BASE,
      name: BASE,
      side: 'base',
      key: '9f2d71c0aa54e3b1',
      release: '6.12.57',
      tree: '41c0e9bb27d1',
    },
    ...{
      configHash: '77aa0182bd90',
      compiler: 'gcc 12.2.0',
      buildSeconds: 318,
      cached: true,
      sandboxed: true,
    },
    ...SETTINGS,
  },
  {
    ...{
      id: PATCHED,
      name: PATCHED,
      side: 'patched',
      base: BASE,
      key: '03cc5a81e2290f7d',
      release: '6.12.57+',
    },
    ...{ tree: '8e55dd310f92', configHash: '77aa0182bd90', compiler: 'gcc 12.2.0', buildSeconds: 14.2 },
    ...{ cached: false, sandboxed: true },
    warnings: [...SETTINGS.warnings, 'drivers/nvme/host/ioctl.c: ‘pdu’ may be used uninitialized'],
    newWarnings: ['drivers/nvme/host/ioctl.c: ‘pdu’ may be used uninitialized'],
  },
];

/** Names of the files of a cell's attempt. */
const stemOf = (kernel: string, profile: string, suite: string, repeat = 1) =>
  `${kernel}-${profile}-${suite}${repeat > 1 ? `.${repeat}` : ''}`;

function attempt(kernel: string, profile: string, suite: string, more: Partial<Attempt> = {}): Attempt {
  const stem = stemOf(kernel, profile, suite, more.repeat);
  const artefact = (kind: 'tap' | 'console' | 'spec', file: string) => ({
    kind,
    file,
    bytes: 2048,
    sha256: 'ab',
  });
  const { verdict = 'done' } = more;
  return {
    ...{ repeat: 1, attempt: 1, verdict, timings: { bootMs: 2310, firstTapMs: 2904, totalMs: 14_320 } },
    artefacts: [
      artefact('tap', `${stem}.tap`),
      artefact('console', `console-${stem}.log`),
      artefact('spec', `cell-${stem}.json`),
    ],
    start: { how: 'boot' },
    qemu: {
      ...{ version: '7.2.17', accel: 'tcg', confinement: ['seccomp', 'mount-namespace'] },
      commandLine: [
        'qemu-system-x86_64',
        '-M',
        'q35',
        '-m',
        '512',
        '-device',
        'nvme-subsys,id=s0',
        '-no-reboot',
      ],
    },
    ...more,
  };
}

type Side = 'base' | 'patched';
const kernelOf = (side: Side) => (side === 'base' ? BASE : PATCHED);

function cell(side: Side, profile: string, suite: string, more: Partial<CellRecord>): CellRecord {
  const kernel = kernelOf(side);
  const { verdict = 'done' } = more;
  return {
    ...{ kernel, profile, suite, verdict, tests: [], complaints: [], metrics: [] },
    attempts: [attempt(kernel, profile, suite, { verdict })],
    ...more,
  };
}

const passes = (names: readonly string[]): TestResult[] => names.map((name) => ({ name, verdict: 'pass' }));

const COMMON = [
  ...['read', 'write', 'flush', 'compare', 'write zeroes', 'dataset management'].flatMap((command) =>
    ['4 KiB', '64 KiB', '512 KiB'].map((size) => `a ${command} of ${size} completes with status 0`),
  ),
  'a command to a namespace that was not opened fails with EINVAL',
  'a big CQE has the second result word of the command',
  'requests of a linked chain complete in their order',
];
const skips: TestResult[] = ['a polled read', 'a polled write', 'a polled command that is cancelled'].map(
  (name) => ({
    ...{
      name: `${name} completes without an interrupt`,
      verdict: 'skip',
      reason: 'the guest has no poll queues',
    },
  }),
);
const known: TestResult = {
  ...{ name: 'metadata of a write is written to where it is read', verdict: 'todo' },
  reason: 'fixed by the series nvme-fixes',
};
const ORDER: TestResult = {
  ...{ name: 'a batch of 32 reads completes in the order of submission on one queue', class: 'contract' },
  ...{ verdict: 'fail', reason: 'user_data of completion 7: expected 7, got 9' },
  detail:
    'duration_ms: 212.4\nclass: contract\nmessage: "user_data of completion 7: expected 7, got 9"\nexpected: 7\ngot: 9\nat: order.ts:88',
};

const DEPTHS = [1, 16];
/** What an I/O costs on the base, instructions, by workload; and how much more it costs with the series. */
const WORKLOADS = ['read', 'write'].flatMap((kind) =>
  [4, 16, 64, 256].flatMap((size) =>
    DEPTHS.flatMap((depth) =>
      ['none', 'bvec', 'passthrough none'].map((engine, index) => ({
        test: `cost > ${kind} ${size}k depth ${depth} ${engine}`,
        cost: Math.round(7300 + 62 * size - 900 * index - 40 * depth + (kind === 'write' ? 310 : 0)),
        // The slowdown is planted in passthrough, and a saving in registered buffers.
        factor: engine.startsWith('passthrough')
          ? 1.05 + size / 20_000
          : engine === 'bvec' && size > 16
            ? 0.982
            : 1,
      })),
    ),
  ),
);

function metrics(side: Side): Metric[] {
  return WORKLOADS.flatMap(({ test, cost, factor }, index): Metric[] => {
    const value = side === 'base' ? cost : Math.round(cost * factor);
    const boots = [value, value + (index % 4), value - (index % 3)];
    const spread = (index % 4) + (index % 3);
    const tail = boots.map((boot) => Math.round(boot * (1.04 + (index % 5) / 100)));
    return [
      { name: `${test}.submit`, value, unit: 'instructions', better: 'lower', spread, boots },
      {
        ...{
          name: `${test}.submit.p90`,
          value: tail[0] ?? 0,
          unit: 'instructions',
          better: 'none',
          spread: 9,
        },
        ...{ noise: 0.02, boots: tail },
      },
    ];
  });
}

const bench = (side: Side): CellRecord =>
  cell(side, 'icount', 'bench', {
    tests: passes(WORKLOADS.map(({ test }) => test)),
    metrics: metrics(side),
    attempts: [1, 2, 3].map((repeat) => attempt(kernelOf(side), 'icount', 'bench', { repeat })),
  });

const FAILOVER = [
  'a read is retried on the other path after a path error',
  'a write is retried on the other path after a path error',
  'a command with metadata keeps it when it is retried',
  'a command without a path waits until one appears',
];
const CRASHES = 'unplugging the last controller fails waiting commands with ENODEV';
const LOST = [
  'a rescan during failover loses no command',
  'a command that is cancelled while it waits fails with ECANCELED',
];
const FLAKY = 'two controllers that die at once lose no completion';

const passthrough = (
  side: Side,
  profile: string,
  more: TestResult[],
  complaints: Complaint[] = [],
): CellRecord =>
  cell(side, profile, 'passthrough', { tests: [...passes(COMMON), known, ...skips, ...more], complaints });

const multipath: Record<Side, CellRecord> = {
  base: cell('base', 'multipath', 'multipath', {
    tests: [
      ...FAILOVER.map(
        (name): TestResult => ({
          ...{
            name,
            verdict: 'fail',
            reason: 'CQE res of the retried command: expected 0, got 880 (host path error)',
          },
        }),
      ),
      ...passes([CRASHES, ...LOST, FLAKY]),
    ],
    complaints: [timeout],
  }),
  patched: cell('patched', 'multipath', 'multipath', {
    ...{ verdict: 'crash', reason: fatal.title, detail: KASAN, complaints: [fatal, timeout] },
    tests: [
      ...passes(FAILOVER),
      { ...{ name: CRASHES, verdict: 'crash', class: 'safety' }, reason: fatal.title, detail: KASAN },
      { name: FLAKY, verdict: 'timeout', reason: 'no end within 60 s' },
      ...LOST.map((name): TestResult => ({ name, verdict: 'lost', reason: `crash: ${fatal.title}` })),
    ],
  }),
};

const rerun = (side: Side, number: number, verdict: 'pass' | 'crash' | 'timeout' | 'fail') => ({
  ...{ side, verdict, totalMs: 9_800 },
  artefacts: [
    {
      ...{ kind: 'spec' as const, file: `cell-${kernelOf(side)}-multipath-multipath!${number}.json` },
      ...{ bytes: 900, sha256: 'ab' },
    },
  ],
});

export const planted: RunRecord = {
  ...{ format: 2, id: '20261121T084212Z-mpath', startedAt: '2026-11-21T08:42:12Z', seconds: 734.2 },
  ...{ ringlab: '0.1.0', seed: 42, failures: [], interrupted: false },
  series: {
    ...{ id: 'f00dcafe', name: 'mpath', title: 'nvme: failover of passthrough commands' },
    patches: ['nvme: split parsing off nvme_uring_cmd_io', 'nvme-multipath: fail over passthrough commands'],
  },
  plan: {
    ...{ sources: [{ kernel: BASE }], series: 'mpath', withBase: true, repeats: 1, only: [], kernelArgs: [] },
    config: { start: 'tinyconfig', fragments: ['guest', 'nvme', 'iommu', 'io_uring'], debug: true },
    pairs: [
      { profile: 'plain', suite: 'passthrough' },
      { profile: 'swiotlb', suite: 'passthrough' },
      { profile: 'multipath', suite: 'multipath' },
      { profile: 'icount', suite: 'bench' },
    ],
    ...{ qemuArgs: [], bootTimeoutMs: 60_000, jobs: 2, restarts: 20, confirm: 2 },
  },
  host: { cpu: 'AMD EPYC 7B13', cores: 2, memoryMiB: 7960, kernel: '6.1.0-40-amd64', node: 'v20.20.2' },
  sandbox: { required: true, protections: ['namespaces', 'seccomp', 'cgroup'] },
  kernels,
  profiles: ['plain', 'swiotlb', 'multipath', 'icount'].map((id) => ({ id })),
  suites: ['passthrough', 'multipath', 'bench'].map((id) => ({ id })),
  image: { recipe: 'minimal', key: 'c0ffee5512' },
  accel: { kind: 'tcg', reason: 'guests do not start with KVM' },
  bench: { clock: 'instructions', repeats: 3 },
  cells: [
    passthrough('base', 'plain', [{ ...ORDER, verdict: 'pass', reason: undefined, detail: undefined }]),
    passthrough(
      'base',
      'swiotlb',
      [{ name: 'bounce buffers are released after an error', verdict: 'pass' }],
      [lockdep],
    ),
    multipath.base,
    bench('base'),
    passthrough('patched', 'plain', [
      ORDER,
      { name: 'a passthrough command outlives the file that it was opened by', verdict: 'pass' },
      {
        ...{ name: 'a command with a wrong namespace id fails with Invalid Namespace', verdict: 'fail' },
        ...{
          reason: 'status: expected 11, got 0',
          class: 'contract',
          detail: 'expected: 11\ngot: 0\nat: namespace.ts:31',
        },
      },
    ]),
    passthrough('patched', 'swiotlb', [], [lockdep]),
    multipath.patched,
    bench('patched'),
  ].map((each) => ({
    ...each,
    // A result has no field of the value undefined.
    tests: each.tests.map((test) => JSON.parse(JSON.stringify(test)) as TestResult),
  })),
  confirmations: [
    {
      ...{ kernel: PATCHED, profile: 'multipath', suite: 'multipath', test: CRASHES, outcome: 'fails' },
      ...{ base: { failed: 0, runs: 3 }, patched: { failed: 3, runs: 3 } },
      reruns: [rerun('patched', 1, 'crash'), rerun('base', 1, 'pass'), rerun('patched', 2, 'crash')],
    },
    {
      ...{ kernel: PATCHED, profile: 'multipath', suite: 'multipath', test: FLAKY, outcome: 'flaky' },
      ...{ base: { failed: 0, runs: 3 }, patched: { failed: 1, runs: 3 } },
      reruns: [rerun('patched', 3, 'pass'), rerun('patched', 4, 'pass'), rerun('base', 3, 'pass')],
    },
    {
      ...{ kernel: PATCHED, profile: 'plain', suite: 'passthrough', test: ORDER.name, outcome: 'fails' },
      ...{ base: { failed: 0, runs: 3 }, patched: { failed: 3, runs: 3 }, reruns: [] },
    },
  ],
  spans: [
    { stage: 'source', subject: BASE, startMs: 40, ms: 46_500 },
    { stage: 'image', subject: 'minimal', startMs: 900, ms: 22_100 },
    { stage: 'kernel', subject: BASE, startMs: 46_600, ms: 900 },
    { stage: 'kernel', subject: PATCHED, startMs: 47_500, ms: 14_200 },
    ...['plain/passthrough', 'swiotlb/passthrough', 'multipath/multipath', 'icount/bench'].flatMap(
      (name, index) =>
        [BASE, PATCHED].map((kernel, side) => ({
          ...{ stage: 'cell' as const, subject: `${kernel}/${name}` },
          ...{ startMs: 62_000 + index * 120_000 + side * 30_000, ms: 88_000 + index * 21_000 },
        })),
    ),
  ],
};

/** The files of the run's record, by name. The TAP of the attempt that crashed ends in the test before it. */
export function plantedFiles(): Map<string, string> {
  const files = planted.cells.flatMap(({ attempts }) =>
    attempts.flatMap(({ verdict, artefacts }) =>
      artefacts.map(({ kind, file }): [string, string] => {
        if (kind === 'spec') return [file, '{}\n'];
        if (kind === 'console') return [file, verdict === 'done' ? '[    0.000000] Linux\n' : `${KASAN}\n`];
        return [
          file,
          verdict === 'done'
            ? 'TAP version 14\n1..1\nok 1 - a\n'
            : `TAP version 14\n1..8\nok 4 - ${FAILOVER[3]}\n`,
        ];
      }),
    ),
  );
  return new Map([...files, ['run.json', JSON.stringify(planted)]]);
}
