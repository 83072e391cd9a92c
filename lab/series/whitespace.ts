import type { Patch } from '../model/series.ts';

/** Files that the kernel's coding style indents with tabs (Documentation/process/coding-style.rst). */
const INDENTED_WITH_TABS = /(?:\.[chS]|Makefile|Kconfig|Kbuild)$/;

/**
 * Whether a mailer or an archive turned the tabs of a patch into blanks: at least three lines of kernel code are indented with eight
 * blanks, and none has a tab.
 */
export function tabsLost(patch: Pick<Patch, 'diff' | 'files'>): boolean {
  if (!patch.files.some((file) => INDENTED_WITH_TABS.test(file)) || /^[ +-][^\n]*\t/m.test(patch.diff))
    return false;
  return (patch.diff.match(/^[ +-] {8}[^\S\n]*\S/gm) ?? []).length >= 3;
}
