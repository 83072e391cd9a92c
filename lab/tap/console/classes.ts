/** Where a report ends: with its line, with its trace, at a closing rule of `=`, or at `---[ end trace`. */
export type Extent = 'line' | 'trace' | 'ruled' | 'cut';

/** One kind of kernel report. */
export interface ComplaintClass {
  kind: string;
  /** Found in every header of the class: a cheap test before the pattern. */
  hint: string;
  /** Against a line without printk's prefix. Group `f` is the function, if the header names it. */
  header: RegExp;
  /** `$1`... are the header's groups, numbers normalised; ` in {f}` is left out when no function is known. */
  title: string;
  /** `bug`: the kernel is at fault, always fatal. `device`: worth quoting. `none`: no complaint, but its trace is its own. */
  level: 'bug' | 'device' | 'none';
  extent: Extent;
  /** Kinds that follow within the same report and are no report of their own. */
  announces?: readonly string[];
  /** Only after an opening rule, as lockdep prints. */
  ruled?: boolean;
}

const bug = (
  kind: string,
  hint: string,
  header: RegExp,
  title: string,
  extent: Extent = 'trace',
  announces: readonly string[] = [],
): ComplaintClass => ({ kind, hint, header, title, level: 'bug', extent, announces });

const device = (kind: string, hint: string, header: RegExp, title: string, extent: Extent = 'line') =>
  ({ kind, hint, header, title, level: 'device', extent }) satisfies ComplaintClass;

const OOPS = ['oops', 'exception'];
const WARN = ['warning', 'kernel-bug', ...OOPS];

/** Reports of the sanitizers and of memory debugging. */
const MEMORY: readonly ComplaintClass[] = [
  bug('kasan', 'BUG: KASAN', /^BUG: KASAN: (.+?) in (?<f>[\w.]+)\+0x/, 'KASAN: $1 in {f}', 'ruled'),
  bug('kasan', 'BUG: KASAN', /^BUG: KASAN: (.+)/, 'KASAN: $1', 'ruled'),
  bug('kmsan', 'BUG: KMSAN', /^BUG: KMSAN: (.+?) in (?<f>[\w.]+)/, 'KMSAN: $1 in {f}', 'ruled'),
  bug('kcsan', 'BUG: KCSAN', /^BUG: KCSAN: (.+)/, 'KCSAN: $1', 'ruled'),
  bug('kfence', 'BUG: KFENCE', /^BUG: KFENCE: (.+?) in (?<f>[\w.]+)\+0x/, 'KFENCE: $1 in {f}', 'ruled'),
  bug('slub', 'BUG ', /^BUG (\S+) \([^)]*\): (.+)/, 'SLUB: $2 in cache $1'),
  bug('refcount', 'refcount_t: ', /^refcount_t: (.+?)\.?$/, 'refcount_t: $1 in {f}', 'cut', WARN),
  bug(
    'odebug',
    'ODEBUG: ',
    /^ODEBUG: (.+?) \(active state \d+\) object.* object type: (\S+)/,
    'ODEBUG: $1 $2 in {f}',
    'cut',
    WARN,
  ),
  bug('list', 'corruption', /^(list_(?:add|del) corruption)/, '$1 in {f}', 'cut', WARN),
  bug(
    'usercopy',
    'usercopy: ',
    /^usercopy: (Kernel memory \w+ attempt detected)/,
    'usercopy: $1 in {f}',
    'cut',
    WARN,
  ),
  bug('kmemleak', 'unreferenced object', /^unreferenced object 0x[0-9a-f]+/, 'kmemleak: memory leak in {f}'),
  bug(
    'ref-tracker',
    'ref_tracker: ',
    /^ref_tracker: .*\b(?:has|leaked)\b/,
    'ref_tracker: leaked reference in {f}',
  ),
];

/** Faults that the processor raised. In the order in which the kernel prints them within one report. */
const FAULTS: readonly ComplaintClass[] = [
  bug(
    'null',
    'NULL pointer dereference',
    /(?:BUG: kernel|Unable to handle kernel) NULL pointer dereference/,
    'BUG: kernel NULL pointer dereference in {f}',
    'cut',
    OOPS,
  ),
  bug(
    'page-fault',
    'nable to handle',
    /(?:BUG: unable to handle (?:page fault|kernel paging request)|Unable to handle kernel )/,
    'BUG: unable to handle page fault in {f}',
    'cut',
    OOPS,
  ),
  bug('kernel-bug', 'kernel BUG at', /^kernel BUG at (?<file>\S+?):\d+!/, 'kernel BUG in {f}', 'cut', OOPS),
  bug(
    'double-fault',
    'PANIC: double fault',
    /^PANIC: double fault/,
    'PANIC: double fault in {f}',
    'cut',
    OOPS,
  ),
  bug(
    'exception',
    '[#',
    /^(?:Oops: )*(general protection fault|divide error|invalid opcode|int3|stack segment|bounds)\b.*\[#\d+\]/,
    '$1 in {f}',
    'cut',
    OOPS,
  ),
  bug('oops', '[#', /^(?:Oops|Internal error|Unhandled fault)\b.*\[#\d+\]/, 'Oops in {f}', 'cut', OOPS),
];

/** What lockdep and the watchdogs find. */
const LOCKS: readonly ComplaintClass[] = [
  bug(
    'lockdep',
    'WARNING: ',
    /^WARNING: (possible .* detected|inconsistent lock state|suspicious RCU usage|bad unlock balance detected|held lock freed|lock held when returning to user space|.*unsafe lock order detected|Nested lock was not taken)/,
    'WARNING: $1 in {f}',
  ),
  { ...bug('lockdep', 'WARNING: ', /^WARNING: (\D.+)/, 'WARNING: $1 in {f}'), ruled: true },
  bug(
    'soft-lockup',
    'BUG: soft lockup',
    /^(?:watchdog: )?BUG: soft lockup - CPU#\d+ stuck/,
    'BUG: soft lockup in {f}',
  ),
  bug('hard-lockup', 'hard LOCKUP', /Watchdog detected hard LOCKUP/, 'hard lockup in {f}'),
  bug(
    'rcu-stall',
    'detected',
    /INFO: rcu\w* (?:self-)?detected (?:expedited )?stalls?/,
    'INFO: rcu detected stall in {f}',
  ),
  bug('hung-task', 'INFO: task ', /^INFO: task \S+ blocked for more than/, 'INFO: task hung in {f}'),
  bug('lock-key', 'INFO: trying', /^INFO: (trying to register non-static key)/, 'INFO: $1 in {f}'),
  bug('atomic', 'BUG: scheduling', /^BUG: scheduling while atomic/, 'BUG: scheduling while atomic in {f}'),
  bug('atomic', 'BUG: sleeping', /^BUG: (sleeping function called from invalid context)/, 'BUG: $1 in {f}'),
  bug('workqueue', 'BUG: workqueue', /^BUG: workqueue lockup/, 'BUG: workqueue lockup', 'line'),
  bug('bug', 'BUG: ', /^(?:\[ )?(?:\w+: )?BUG: (.+?)(?: \])?$/, 'BUG: $1 in {f}'),
];

/** DMA and the IOMMUs, where a device did what its driver had not allowed. */
const DMA: readonly ComplaintClass[] = [
  bug('dma-api', 'DMA-API: ', /^DMA-API: (\S+) \S+: (.+?)(?: \[.*)?$/, 'DMA-API: $1: $2 in {f}', 'cut', WARN),
  bug('dma-api', 'DMA-API: ', /^DMA-API: (exceeded .*? mappings)/, 'DMA-API: $1 in {f}', 'cut', WARN),
  bug(
    'dmar',
    'DMAR: [',
    /^DMAR: \[(DMA \w+|INTR-REMAP)[^\]]*\].*\[fault reason \w+\] ?(.*)/,
    'DMAR: $1 fault: $2',
    'line',
  ),
  bug('amd-vi', 'AMD-Vi: Event', /AMD-Vi: Event logged \[(\w+)/, 'AMD-Vi: $1', 'line'),
  bug(
    'virtio-iommu',
    'fault from EP',
    /virtio_iommu \S+ (\w+) fault from EP/,
    'virtio-iommu: $1 fault',
    'line',
  ),
];

const OTHERS: readonly ComplaintClass[] = [
  bug('ubsan', 'UBSAN: ', /^UBSAN: (\S+) in (?<file>[^:\s]+)/, 'UBSAN: $1 in {f}', 'cut'),
  bug(
    'warning',
    'WARNING: ',
    /^WARNING: CPU: \d+ PID: \d+ at (?<file>[^:\s]+):\d+ (?<f>[\w.]+)\+0x/,
    'WARNING in {f}',
    'cut',
  ),
  // Since 6.18 the place stands first.
  bug('warning', 'WARNING: ', /^WARNING: (?<file>[^:\s]+):\d+ at (?<f>[\w.]+)/, 'WARNING in {f}', 'cut'),
  bug('panic', 'Kernel panic', /^Kernel panic - not syncing: (.+)/, 'Kernel panic: $1', 'cut'),
  bug(
    'netdevice',
    'unregister_netdevice',
    /^unregister_netdevice: waiting for/,
    'unregister_netdevice: waiting',
    'line',
  ),
  bug(
    'busy-inodes',
    'VFS: Busy inodes',
    /^VFS: Busy inodes after unmount/,
    'VFS: busy inodes after unmount',
    'line',
  ),
];

/** Noise that a device or an injected fault makes, and that a test may well have asked for. */
const DEVICE: readonly ComplaintClass[] = [
  device('nvme-timeout', 'timeout', /^nvme nvme\d+: I\/O (?:tag )?\d+ .*timeout/, 'nvme: I/O timeout'),
  device(
    'nvme-down',
    'controller is down',
    /^nvme nvme\d+: controller is down; will reset/,
    'nvme: controller is down',
  ),
  device('nvme-abort', 'Abort status', /^nvme nvme\d+: Abort status/, 'nvme: command aborted'),
  device('io-error', 'error', /(?:I\/O|critical \w+) error,? (?:on )?dev (\S+?),/, 'I/O error, dev $1'),
  device('swiotlb-full', 'swiotlb', /swiotlb buffer is full/, 'swiotlb buffer is full'),
  device(
    'page-alloc',
    'page allocation failure',
    /page allocation failure: order:\d+/,
    'page allocation failure in {f}',
    'trace',
  ),
  device('oom', 'oom-killer', /invoked oom-killer/, 'oom-killer invoked in {f}', 'trace'),
  // One scan alone also reports objects that are not leaks.
  device(
    'kmemleak-count',
    'kmemleak: ',
    /^kmemleak: \d+ new suspected memory leaks/,
    'kmemleak: suspected memory leaks',
  ),
  {
    kind: 'fault-injection',
    hint: 'FAULT_INJECTION',
    header: /^FAULT_INJECTION: /,
    title: '',
    level: 'none',
    extent: 'trace',
  },
  // Mitigations and firmware use the word for remarks about the machine.
  device('remark', 'WARNING: ', /^WARNING: (.+)/, 'WARNING: $1'),
];

/** All kinds; the first whose header matches is taken. */
export const CLASSES: readonly ComplaintClass[] = [
  ...MEMORY,
  ...FAULTS,
  ...OTHERS,
  ...LOCKS,
  ...DMA,
  ...DEVICE,
];

/** Any hint at all: nearly every line of a console is passed over by this alone. */
const HINTS = new RegExp([...new Set(CLASSES.map(({ hint }) => hint.replace(/[[\]#.]/g, '\\$&')))].join('|'));

/** Remarks that look like reports and are none. */
const REMARKS = /^(?:INFO: lockdep is turned off|INFO: NMI handler|.*Unprivileged eBPF is enabled)/;

/** A header line with its class. */
export interface Classified {
  found: ComplaintClass;
  match: RegExpExecArray;
}

/** The class of a header line. `ruled`: a rule of `=` stands right before it. */
export function classify(text: string, ruled: boolean): Classified | undefined {
  if (!HINTS.test(text)) return undefined;
  for (const found of CLASSES) {
    if ((found.ruled && !ruled) || !text.includes(found.hint)) continue;
    const match = found.header.exec(text);
    if (match) return REMARKS.test(text) ? undefined : { found, match };
  }
  return undefined;
}
