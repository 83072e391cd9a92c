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

export const bug = (
  kind: string,
  hint: string,
  header: RegExp,
  title: string,
  extent: Extent = 'trace',
  announces: readonly string[] = [],
): ComplaintClass => ({ kind, hint, header, title, level: 'bug', extent, announces });

export const device = (kind: string, hint: string, header: RegExp, title: string, extent: Extent = 'line') =>
  ({ kind, hint, header, title, level: 'device', extent }) satisfies ComplaintClass;

/** Kinds that follow a fault, and a warning, within its report. */
export const OOPS = ['oops', 'exception'];
export const WARN = ['warning', 'kernel-bug', ...OOPS];
