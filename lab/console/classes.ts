import { LOCKS, OTHERS } from './checks.ts';
import type { ComplaintClass } from './class.ts';
import { DEVICE, DMA } from './devices.ts';
import { FAULTS, MEMORY } from './faults.ts';

/** All kinds; the first whose header matches is taken. */
export const CLASSES: readonly ComplaintClass[] = [
  ...MEMORY,
  ...FAULTS,
  ...OTHERS,
  ...LOCKS,
  ...DMA,
  ...DEVICE,
];

/** Any hint at all: nearly every line of a console is passed over by this alone. */
const HINTS = new RegExp([...new Set(CLASSES.map(({ hint }) => hint.replace(/[[\]#.]/g, '\\$&')))].join('|'));

/** Remarks that look like reports and are none. */
const REMARKS = /^(?:INFO: lockdep is turned off|INFO: NMI handler|.*Unprivileged eBPF is enabled)/;

/** A header line with its class. */
export interface Classified {
  found: ComplaintClass;
  match: RegExpExecArray;
}

/** The class of a header line. `ruled`: a rule of `=` stands right before it. */
export function classify(text: string, ruled: boolean): Classified | undefined {
  if (!HINTS.test(text)) return undefined;
  for (const found of CLASSES) {
    if ((found.ruled && !ruled) || !text.includes(found.hint)) continue;
    const match = found.header.exec(text);
    if (match) return REMARKS.test(text) ? undefined : { found, match };
  }
  return undefined;
}
