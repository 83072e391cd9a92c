import type { Patch } from '../model/series.ts';

/** Files that the kernel's coding style indents by tabs. */
const TABBED = /(?:\.[chS]|Makefile|Kconfig|Kbuild)$/;

/**
 * Whether a mailer or an archive turned the tabs of a patch into blanks: kernel code with several lines indented by eight
 * blanks and not one by a tab.
 */
export function tabsLost(patch: Pick<Patch, 'diff' | 'files'>): boolean {
  if (!patch.files.some((file) => TABBED.test(file)) || /^[ +-][^\n]*\t/m.test(patch.diff)) return false;
  return (patch.diff.match(/^[ +-] {8}\s*\S/gm) ?? []).length >= 3;
}
