import type { Patch } from '../model/series.ts';

/** Files that the kernel's coding style indents with tabs (Documentation/process/coding-style.rst). */
const INDENTED_WITH_TABS = /(?:\.[chS]|Makefile|Kconfig|Kbuild)$/;

/** Whether a diff has a tab in some line, so that its mailer and archive keep them. */
export const hasTabs = ({ diff }: Pick<Patch, 'diff'>): boolean => /^[ +-][^\n]*\t/m.test(diff);

/**
 * Whether a mailer or an archive turned the tabs of a patch into blanks: at least three lines of kernel code are indented with eight
 * blanks, none has a tab, and none is indented with two to seven, as in code whose style is another (`lib/zstd`).
 */
export function tabsLost(patch: Pick<Patch, 'diff' | 'files'>): boolean {
  if (!patch.files.some((file) => INDENTED_WITH_TABS.test(file)) || hasTabs(patch)) return false;
  if (/^[ +-] {2,7}\S/m.test(patch.diff)) return false;
  return (patch.diff.match(/^[ +-] {8}[^\S\n]*\S/gm) ?? []).length >= 3;
}
