import { bug, type ComplaintClass, OOPS, WARN } from './complaint-class.ts';

/** Reports of the sanitizers and of memory debugging. */
export const MEMORY: readonly ComplaintClass[] = [
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

/** Faults that the processor raised, in the order in which the kernel prints them within one report. */
export const FAULTS: readonly ComplaintClass[] = [
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
