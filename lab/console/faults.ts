import { bug, type ComplaintClass, OOPS, OOPS_KINDS, WARN } from './complaint-class.ts';

/** Reports of the sanitizers and of memory debugging. */
export const MEMORY: readonly ComplaintClass[] = [
  // Linux 4.4 to 4.8 print the slab's report within it.
  bug('kasan', 'BUG: KASAN', /^BUG: KASAN: (.+?) (?:in|on) (?<f>[\w.]+)\+0x/, 'KASAN: $1 in {f}', 'ruled', {
    includes: ['slub'],
    bare: true,
  }),
  bug('kasan', 'BUG: KASAN', /^BUG: KASAN: (.+)/, 'KASAN: $1', 'ruled', { bare: true }),
  bug('kmsan', 'BUG: KMSAN', /^BUG: KMSAN: (.+?) in (?<f>[\w.]+)/, 'KMSAN: $1 in {f}', 'ruled', {
    bare: true,
  }),
  bug('kcsan', 'BUG: KCSAN', /^BUG: KCSAN: (.+)/, 'KCSAN: $1', 'ruled', { bare: true }),
  bug('kfence', 'BUG: KFENCE', /^BUG: KFENCE: (.+?) in (?<f>[\w.]+)\+0x/, 'KFENCE: $1 in {f}', 'ruled', {
    bare: true,
  }),
  bug('slub', 'BUG ', /^BUG (\S+) \([^)]*\): (?!kasan: bad access)(.+)/, 'SLUB: $2 in cache $1'),
  bug('refcount', 'refcount_t: ', /^refcount_t: (.+?)\.?$/, 'refcount_t: $1 in {f}', 'cut', WARN),
  bug(
    'odebug',
    'ODEBUG: ',
    /^ODEBUG: (.+?) \(?active state \d+.*object type: (\S+)/,
    'ODEBUG: $1 $2 in {f}',
    'cut',
    WARN,
  ),
  bug('list', 'corruption', /^(list_(?:add|del)\w* corruption)/, '$1 in {f}', 'cut', WARN),
  bug(
    'usercopy',
    'usercopy: ',
    /^usercopy: (Kernel memory \w+ attempt detected)/,
    'usercopy: $1 in {f}',
    'cut',
    WARN,
  ),
  bug(
    'kmemleak',
    'BUG: memory leak',
    /^(?:\S+ \S+ )?BUG: memory leak/,
    'kmemleak: memory leak in {f}',
    'trace',
    {
      includes: ['kmemleak'],
    },
  ),
  bug('kmemleak', 'unreferenced object', /^unreferenced object 0x[0-9a-f]+/, 'kmemleak: memory leak in {f}'),
  bug(
    'ref-tracker',
    'ref_tracker: ',
    /^ref_tracker: .*\b(?:has|leaked)\b/,
    'ref_tracker: leaked reference in {f}',
    'trace',
    { bare: true },
  ),
];

/** Faults that the processor raised, in the order in which the kernel prints them within one report. */
export const FAULTS: readonly ComplaintClass[] = [
  bug(
    'null',
    'NULL pointer dereference',
    /(?:BUG: (?:kernel|unable to handle kernel)|(?:BUG: )?Unable to handle kernel) NULL pointer dereference/i,
    'BUG: kernel NULL pointer dereference in {f}',
    'cut',
    OOPS,
  ),
  bug(
    'page-fault',
    'nable to handle',
    /(?:BUG: unable to handle (?:page fault|kernel)|Unable to handle kernel )/i,
    'BUG: unable to handle page fault in {f}',
    'cut',
    OOPS,
  ),
  bug('kernel-bug', 'kernel BUG at', /^kernel BUG at (?<file>\S+?):\d+!/, 'kernel BUG in {f}', 'cut', OOPS),
  bug('double-fault', 'PANIC: ', /^PANIC: (double fault)/, 'PANIC: $1 in {f}', 'cut', OOPS),
  // The stack has no room left.
  bug(
    'stack-overflow',
    'stack',
    /^(?:BUG: (?:\w+ )?(?:stack guard page was hit)|Insufficient stack space to handle exception|kernel stack overflow)/i,
    'kernel stack overflow in {f}',
    'cut',
    { includes: ['stack-overflow', ...OOPS_KINDS], trap: true, entry: true },
  ),
  // __die_header(): whatever the text, `text: error code [#number of the oops]`.
  bug(
    'exception',
    '[#',
    /^(?:Oops: )?(?!Oops|Internal error|Unhandled fault|Kernel BUG)([A-Za-z][\w -]*?)(?:,[^[]*?| at [^[]*?| \([\w-]+\))?: [0-9a-f]{4,}\b[^[]*\[#\d+\]/,
    '$1 in {f}',
    'cut',
    OOPS,
  ),
  bug(
    'oops',
    '[#',
    /^(?:Oops|Internal error|Unhandled fault|Kernel BUG)\b.*\[#\d+\]/,
    'Oops in {f}',
    'cut',
    OOPS,
  ),
  bug(
    'exception',
    'Unhandled fault',
    /^Unhandled fault: (.+?) \(0x/,
    'Unhandled fault: $1 in {f}',
    'cut',
    OOPS,
  ),
];
