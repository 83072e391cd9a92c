import { bug, type ComplaintClass, OOPS, WARN } from './complaint-class.ts';

/** What lockdep prints after its header: release, number of the build, and whether the kernel is tainted. */
const RELEASE_LINE = /(?:Not tainted|Tainted: |^\d+\.\d+\S* #\d+)/;

/** Reports of lockdep. Until Linux 4.10 its headers were `[ INFO: ... ]` and `[ BUG: ... ]`. */
const LOCKDEP: readonly ComplaintClass[] = [
  ...['WARNING: ', 'INFO: ', 'BUG: '].map((hint) =>
    bug(
      'lockdep',
      hint,
      /^(?:WARNING|INFO|BUG): (possible .* detected|inconsistent lock state|suspicious RCU usage|bad unlock balance detected|bad contention detected|held lock freed|lock held (?:when returning to user space|at task exit time)|.*unsafe lock order detected|Nested lock was not taken)/i,
      'WARNING: $1 in {f}',
    ),
  ),
  bug(
    'lockdep',
    'still has locks held',
    /^(?:WARNING|BUG): .+\/\d+ (still has locks held)/,
    'WARNING: $1 in {f}',
  ),
  bug('lockdep', 'BUG: Invalid wait', /^BUG: (Invalid wait context)/, 'BUG: $1 in {f}'),
  bug('lockdep', 'BUG: MAX_', /^BUG: (MAX_\w+ too low)/, 'BUG: $1 in {f}'),
  bug('lockdep', 'WARNING: ', /^WARNING: (\D.+)/, 'WARNING: $1 in {f}', 'trace', {
    after: 'rule',
    next: RELEASE_LINE,
  }),
  bug('lock-key', 'INFO: trying', /^INFO: (trying to register non-static key)/, 'INFO: $1 in {f}'),
];

/** Reports of the watchdogs. */
const WATCHDOGS: readonly ComplaintClass[] = [
  bug('soft-lockup', 'BUG: soft lockup', /^BUG: soft lockup/, 'BUG: soft lockup in {f}', 'stall', {
    entry: true,
  }),
  bug('hard-lockup', 'hard LOCKUP', /Watchdog detected hard LOCKUP/i, 'hard lockup in {f}', 'stall', {
    includes: ['panic'],
    entry: true,
  }),
  bug(
    'rcu-stall',
    'detected',
    /^INFO: rcu\w* (?:self-)?detected (?:expedited )?stalls?/,
    'INFO: rcu detected stall in {f}',
    'stall',
    { includes: ['rcu-stall'], entry: true },
  ),
  // kernel/hung_task.c. A task may have any name, with blanks and newlines too.
  bug(
    'hung-task',
    ' for more than ',
    /^(?:INFO: task )?.*:\d+ (?:blocked (?:in I\/O wait )?|can't die )for more than \d+ seconds/,
    'INFO: task hung in {f}',
  ),
];

/** Reports of code that runs, or uses a lock, where it must not. */
const CONTEXT: readonly ComplaintClass[] = [
  bug(
    'atomic',
    'while atomic',
    /^BUG: (?:\S+ )?scheduling while atomic/,
    'BUG: scheduling while atomic in {f}',
    'trace',
    { includes: ['panic'] },
  ),
  bug('atomic', 'BUG: sleeping', /^BUG: (sleeping function called from invalid context)/, 'BUG: $1 in {f}'),
  bug('preempt', 'in preemptible', /^BUG: (using \w+(?:\(\))? in preemptible)/, 'BUG: $1 code in {f}'),
  bug('workqueue', 'BUG: workqueue', /^BUG: workqueue lockup/, 'BUG: workqueue lockup', 'line'),
  bug(
    'workqueue-leak',
    'BUG: workqueue leaked',
    /^BUG: workqueue leaked (atomic|lock or atomic|atomic, lock or RCU)/,
    'BUG: workqueue leaked lock or atomic in {f}',
  ),
  // kernel/locking/spinlock_debug.c: `text on CPU#n, comm/pid`.
  bug(
    'spinlock',
    ' on CPU#',
    /^BUG: ((?:spinlock|rwlock|rwlock-\w+|lock) .+?) on CPU#\d+/,
    'BUG: $1 in {f}',
    'trace',
    { includes: ['panic'] },
  ),
];

/** Other reports of kernel code about its data. */
const DATA: readonly ComplaintClass[] = [
  bug('ubsan', 'UBSAN: ', /^UBSAN: (Undefined behaviour|\S+) in (?<file>[^:\s]+)/, 'UBSAN: $1 in {f}', 'cut'),
  bug(
    'dentry',
    'BUG: Dentry',
    /^BUG: Dentry .* still in use/,
    'BUG: Dentry still in use in {f}',
    'cut',
    WARN,
  ),
  bug('bad-page', 'BUG: Bad page', /^BUG: (Bad page (?:state|map|cache))/, 'BUG: $1 in {f}'),
  bug('bad-rss', 'BUG: Bad rss', /^BUG: (Bad rss-counter state)/, 'BUG: $1', 'line'),
  bug('bug', 'BUG: ', /^(?:\w+: )?BUG: (.+)/, 'BUG: $1 in {f}'),
  bug(
    'stack-regs',
    'WARNING: kernel stack',
    /^WARNING: (kernel stack (?:regs|frame pointer)) at .* has bad/,
    'WARNING: $1 has a bad value',
    'line',
  ),
  // kernel/sched/core.c schedule_debug(): the stack was used up.
  bug(
    'panic',
    'Kernel panic',
    /^Kernel panic - not syncing: (corrupted stack end)/,
    'Kernel panic: $1 in {f}',
    'cut',
    { entry: true },
  ),
  bug(
    'panic',
    'Kernel panic',
    /^Kernel panic - not syncing: stack-protector: Kernel (stack is corrupted) in: (?:(?<f>[A-Za-z_]\w*)\+0x)?/,
    'Kernel panic: $1 in {f}',
    'cut',
  ),
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
    'VFS: busy inodes after unmount in {f}',
    'cut',
    WARN,
  ),
  bug('vfs', 'VFS: Close', /^VFS: (Close: file count is 0)/, 'VFS: $1', 'line'),
];

/** The forms of WARN(), by release and configuration. */
const WARNINGS: readonly ComplaintClass[] = [
  bug(
    'warning',
    'WARNING: ',
    /^WARNING: CPU: \d+ PID: \S+ at (?<file>[^:\s]+):\d+ (?<f>[\w.]+)\+0x/,
    'WARNING in {f}',
    'cut',
    OOPS,
  ),
  // Since 6.18 the place comes first, with CONFIG_DEBUG_BUGVERBOSE_DETAILED the condition before it.
  bug(
    'warning',
    'WARNING: ',
    /^WARNING: (?:\[.*\] )?(?<file>[\w./-]+):\d+ at (?:0x0|(?<f>[\w.]+)\+0x)/,
    'WARNING in {f}',
    'cut',
    OOPS,
  ),
  // Without CONFIG_DEBUG_BUGVERBOSE.
  bug('warning', 'WARNING: ', /^WARNING: CPU: \d+ PID: \S+ at (?<f>[\w.]+)/, 'WARNING in {f}', 'cut', OOPS),
  bug('warning', 'WARNING: ', /^WARNING: /, 'WARNING in {f}', 'cut', { ...OOPS, after: 'cut-here' }),
];

/** Checks of the kernel's code that failed. */
export const CHECKS: readonly ComplaintClass[] = [...WARNINGS, ...LOCKDEP, ...WATCHDOGS, ...CONTEXT, ...DATA];

/** Kinds of warnings and BUGs of source files that only report. */
export const KIND_OF_FILE: Readonly<Record<string, string>> = {
  'kernel/locking/lockdep.c': 'lockdep',
  'lib/debugobjects.c': 'odebug',
  'lib/list_debug.c': 'list',
  'lib/refcount.c': 'refcount',
  'mm/usercopy.c': 'usercopy',
};
