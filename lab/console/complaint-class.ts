/** Where a report ends: with its line, with its trace, at a closing rule of `=`, or at `---[ end trace`. */
type Extent = 'line' | 'trace' | 'ruled' | 'cut';

/** One kind of kernel report: how its header looks, where it ends, what it is called. */
export interface ComplaintClass {
  kind: string;
  /** Text in every header of the class: a cheap test before the pattern. */
  hint: string;
  /** Matches the header without printk's prefix. Group `f` is the function, group `file` the source file, if the header has them. */
  header: RegExp;
  /** `$1`... are the header's groups with numbers normalised; ` in {f}` is left out when the function is unknown. */
  title: string;
  /** `bug`: the kernel is at fault, always fatal. `device`: quoted. `none`: no complaint, but its trace belongs to no other report. */
  level: 'bug' | 'device' | 'none';
  extent: Extent;
  /** Kinds whose headers follow within the same report, and begin no report themselves. */
  includes?: readonly string[];
  /** The header counts only after an opening rule of `=`, as lockdep prints. */
  ruled?: boolean;
}

/** The class of a report that the kernel is at fault. */
export const bug = (
  kind: string,
  hint: string,
  header: RegExp,
  title: string,
  extent: Extent = 'trace',
  includes: readonly string[] = [],
): ComplaintClass => ({ kind, hint, header, title, level: 'bug', extent, includes });

/** The class of a message about a device, which a test may have provoked. */
export const device = (
  kind: string,
  hint: string,
  header: RegExp,
  title: string,
  extent: Extent = 'line',
): ComplaintClass => ({ kind, hint, header, title, level: 'device', extent });

/** Kinds that follow a fault within its report. */
export const OOPS = ['oops', 'exception'];
/** Kinds that follow a warning within its report. */
export const WARN = ['warning', 'kernel-bug', ...OOPS];
