/** Most characters of a line that patterns look at: what a report says first is far shorter. */
export const MAX_PATTERN_TEXT = 1000;

/** `COMM/PID`, also with the preemption count behind it. A name with blanks is recognised only where a class knows its place. */
const TASK = /[^\s/,:]+\/\d+(?:\/0x[0-9a-f]+)?\b/gi;

/** Replaces what differs between two prints of one fault by letters: addresses, page frame numbers, tasks, times, counts. */
export function normalise(text: string): string {
  return (
    text
      .replace(/\+0x[0-9a-f]+(?:\/0x[0-9a-f]+)?/gi, '')
      .replace(/\b(?:pfn|pte|pmd|pgd):\s*\w+/gi, (all) => `${all.slice(0, all.indexOf(':'))}:N`)
      .replace(/\b0x[0-9a-f]+\b|\b(?=[a-f]*\d)[0-9a-f]{8,16}\b|\(?\b_*ptrval_*\b\)?|\(null\)/gi, 'ADDR')
      .replace(/\bprocess .*?(?= +(?:pfn|pte|pmd|pgd):|$)/, 'process')
      .replace(/\bcode: .*$/, '')
      .replace(TASK, 'TASK')
      // The digits of a function's name stay: `e1000_clean_rx_irq`.
      .replace(/\w*[a-z]\w*_\w*|\d+(?:\.\d+)*/gi, (word) => (/^\d/.test(word) ? 'N' : word))
      .replace(/\s+/g, ' ')
      .trim()
  );
}
