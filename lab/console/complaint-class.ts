/** Where a report ends: with its line, with its trace, at a closing rule of `=`, at `---[ end trace`, or after the traces of several CPUs. */
type Extent = 'line' | 'trace' | 'ruled' | 'cut' | 'stall';

/** One kind of kernel report: how its header looks, where it ends, what it is called. */
export interface ComplaintClass {
  kind: string;
  /** Text in every header of the class: a cheap test before the pattern. */
  hint: string;
  /**
   * Matches the header without printk's prefix and without the name of a watchdog before it. Group `f` is the function, group `file` the
   * source file, if the header has them.
   */
  header: RegExp;
  /** `$1`... are the header's groups, normalised; ` in {f}` is left out when the function is unknown. */
  title: string;
  /** `bug`: the kernel is at fault, always fatal. `device`: quoted. `none`: no complaint, but its trace belongs to no other report. */
  level: 'bug' | 'device' | 'none';
  extent: Extent;
  /** Kinds whose headers follow before the first function of the trace, and begin no report of their own. */
  includes?: readonly string[];
  /** The header counts only in this place: after an opening rule of `=`, or within the report that `cut here` opened. */
  after?: 'rule' | 'cut-here';
  /** The line after the header; with any other the header is a remark. */
  next?: RegExp;
  /** Functions count without `Call Trace:` before them. */
  bare?: true;
  /** The processor raised it: the functions begin at the instruction pointer, not at the handler of the trap. */
  trap?: true;
  /** The innermost function is a matter of chance: what entered the kernel identifies the fault (stall.ts). */
  entry?: true;
}

type More = Partial<Omit<ComplaintClass, 'kind' | 'hint' | 'header' | 'title' | 'extent'>>;

/** The class of a report that the kernel is at fault. */
export const bug = (
  kind: string,
  hint: string,
  header: RegExp,
  title: string,
  extent: Extent = 'trace',
  more: More = {},
): ComplaintClass => ({ kind, hint, header, title, level: 'bug', extent, ...more });

/** The class of a message about a device, which a test may have provoked. */
export const device = (
  kind: string,
  hint: string,
  header: RegExp,
  title: string,
  extent: Extent = 'line',
): ComplaintClass => ({ kind, hint, header, title, level: 'device', extent });

/** Kinds of what the kernel prints about a fault that the processor raised. */
export const OOPS_KINDS: readonly string[] = ['oops', 'exception', 'panic'];
export const OOPS: More = { includes: OOPS_KINDS, trap: true };

/** Of an announcement before a warning, BUG or panic, which prints the trace. */
export const WARN: More = { includes: ['warning', 'kernel-bug', ...OOPS_KINDS], trap: true };
