/** Bits of /proc/sys/kernel/tainted (Documentation/admin-guide/tainted-kernels.rst), without those that a healthy guest may have. */
const TAINTS: readonly (readonly [number, string])[] = [
  [2, 'S (the processor or system is out of specification)'],
  [4, 'M (a machine check)'],
  [5, 'B (a bad page)'],
  [7, 'D (an oops or BUG)'],
  [9, 'W (a warning)'],
  [14, 'L (a soft lockup)'],
];

/** The flags of a taint value, in words. */
export const taintsOf = (taint: number): string[] =>
  TAINTS.flatMap(([bit, meaning]) => (Math.floor(taint / 2 ** bit) % 2 === 1 ? [meaning] : []));
