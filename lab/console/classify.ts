import { LOCKS, SANITY } from './checks.ts';
import type { ComplaintClass } from './complaint-class.ts';
import { DEVICE, DMA } from './devices.ts';
import { FAULTS, MEMORY } from './faults.ts';

/** All classes; the first whose header matches counts. */
const CLASSES: readonly ComplaintClass[] = [...MEMORY, ...FAULTS, ...SANITY, ...LOCKS, ...DMA, ...DEVICE];

/** The hints of all classes: this test alone rejects nearly every line of a console. */
const HINTS = new RegExp([...new Set(CLASSES.map(({ hint }) => hint.replace(/[[\]#.]/g, '\\$&')))].join('|'));

/** Messages that look like reports and are none. */
const REMARKS = /^(?:INFO: lockdep is turned off|INFO: NMI handler|.*Unprivileged eBPF is enabled)/;

/** The header of a report with its class. */
export interface Header {
  class: ComplaintClass;
  match: RegExpExecArray;
}

/** The class of a line that is a header, else undefined. `ruled`: a rule of `=` precedes it. */
export function classify(text: string, ruled: boolean): Header | undefined {
  if (!HINTS.test(text)) return undefined;
  for (const candidate of CLASSES) {
    if ((candidate.ruled && !ruled) || !text.includes(candidate.hint)) continue;
    const match = candidate.header.exec(text);
    if (match) return REMARKS.test(text) ? undefined : { class: candidate, match };
  }
  return undefined;
}
