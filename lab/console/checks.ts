import { bug, type ComplaintClass } from './complaint-class.ts';

/** Reports of lockdep and of the watchdogs. */
export const LOCKS: readonly ComplaintClass[] = [
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

/** Warnings, panics and other checks. */
export const SANITY: readonly ComplaintClass[] = [
  bug('ubsan', 'UBSAN: ', /^UBSAN: (\S+) in (?<file>[^:\s]+)/, 'UBSAN: $1 in {f}', 'cut'),
  bug(
    'warning',
    'WARNING: ',
    /^WARNING: CPU: \d+ PID: \d+ at (?<file>[^:\s]+):\d+ (?<f>[\w.]+)\+0x/,
    'WARNING in {f}',
    'cut',
  ),
  // The form since 6.18: the place comes first.
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
