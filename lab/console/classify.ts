import { CHECKS } from './checks.ts';
import type { ComplaintClass } from './complaint-class.ts';
import { DEVICE, DMA } from './devices.ts';
import { FAULTS, MEMORY } from './faults.ts';
import { MAX_PATTERN_TEXT } from './normalise.ts';

/** All classes; the first whose header matches counts. */
const CLASSES: readonly ComplaintClass[] = [...MEMORY, ...FAULTS, ...CHECKS, ...DMA, ...DEVICE];

/** The hints of all classes: this test alone rejects nearly every line of a console. */
const HINTS = new RegExp([...new Set(CLASSES.map(({ hint }) => hint.replace(/[[\]#.]/g, '\\$&')))].join('|'));

/** Messages that look like reports and are none. */
const REMARKS = /^(?:INFO: lockdep is turned off|INFO: NMI handler|.*Unprivileged eBPF is enabled)/;

/** What the kernel prints before some headers: the part of the kernel that reports, and the bracket of old lockdep reports. */
const BEFORE = /^\s*(?:(?:NMI watchdog|[Ww]atchdog|rcu|traps): )?(?:\[ (?=(?:INFO|BUG|WARNING): ))?/;

/** The header of a report with its class. */
export interface Header {
  class: ComplaintClass;
  match: RegExpExecArray;
}

/** Where a line is: directly after a rule of `=`, or within the report that `cut here` opened. */
export interface Place {
  rule: boolean;
  cutHere: boolean;
}

/** The class of a line that is a header, else undefined. */
export function classify(line: string, { rule, cutHere }: Place): Header | undefined {
  if (!HINTS.test(line)) return undefined;
  const text = line
    .slice(0, MAX_PATTERN_TEXT)
    .replace(BEFORE, '')
    .replace(/[!.]? \]$/, '');
  const inPlace = { rule, 'cut-here': cutHere };
  for (const candidate of CLASSES) {
    if ((candidate.after && !inPlace[candidate.after]) || !text.includes(candidate.hint)) continue;
    const match = candidate.header.exec(text);
    if (match) return REMARKS.test(text) ? undefined : { class: candidate, match };
  }
  return undefined;
}

/** The class of a header that turned out to be a remark. */
export const remarkOf = (text: string): Header | undefined => classify(text, { rule: false, cutHere: false });
